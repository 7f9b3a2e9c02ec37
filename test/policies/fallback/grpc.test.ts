/** Substitutes for gRPC responses. */
import t from 'tap';
import { fallback } from '../../../src/policies/fallback/index.js';
import { CallError } from '../../../src/core/errors.js';
import { fakeContext } from '../../support/fake-call.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { begun, grpcCall, trailersOnly } from '../../support/fake-grpc.js';
import { failureOf, FakeStage } from '../../support/fake-stage.js';

const unsent = new CallError('connect-failed', 'Cannot');

function build(entry: object) {
  const backup = new FakeStage();
  const next = new FakeStage();
  const context = fakeContext(new FakeClock(), { pipelineOf: () => backup });
  const stage = fallback.create({ fallback: [entry], retry: 'off' } as never, context)!.wrap(next);
  return { next, backup, start: () => stage.run(grpcCall()) };
}

t.test('asks another upstream where a 5xx would', async (t) => {
  for (const code of ['UNAVAILABLE', 'INTERNAL', 'UNKNOWN', 'DEADLINE_EXCEEDED'] as const) {
    const { next, backup, start } = build({ upstream: 'b' });
    const reply = start();
    next.last.respond(trailersOnly(code));
    await settle();
    t.ok(backup.last.call.isGrpc);
    const instead = backup.last.respond(begun);
    t.equal(await reply, instead, code);
  }
  const { next, backup, start } = build({ upstream: 'b' });
  const reply = start();
  next.last.respond(trailersOnly('UNAVAILABLE'));
  await settle();
  backup.last.respond(trailersOnly('UNAVAILABLE'));
  t.equal(
    (await reply).outcome?.kind,
    'grpc',
    'the first failure stands where the other failed, too',
  );
});

t.test('leaves other responses alone', async (t) => {
  for (const response of [begun, trailersOnly('NOT_FOUND'), trailersOnly('OK')]) {
    const { next, backup, start } = build({ upstream: 'b' });
    const reply = start();
    const given = next.last.respond(response);
    t.equal(await reply, given);
    t.equal(backup.runs.length, 0);
  }
});

t.test('has no fixed response', async (t) => {
  const { next, start } = build({ static: { status: 200, body: '{}' } });
  const reply = start();
  next.last.fail(unsent);
  t.equal(await failureOf(reply), unsent);
});
