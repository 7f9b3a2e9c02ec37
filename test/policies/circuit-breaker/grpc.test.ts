/** How gRPC calls count for the circuit. */
import t from 'tap';
import { CallError } from '../../../src/core/errors.js';
import { circuitBreaker } from '../../../src/policies/circuit-breaker/index.js';
import { fakeAttempt, fakeContext } from '../../support/fake-call.js';
import { FakeClock } from '../../support/fake-clock.js';
import { begun, grpcCall, said, trailersOnly } from '../../support/fake-grpc.js';
import { failureOf, FakeStage } from '../../support/fake-stage.js';
import { settingsOf } from '../../support/settings.js';

const reset = new CallError('upstream-reset', 'Cannot');

function build() {
  const clock = new FakeClock();
  const next = new FakeStage();
  const settings = settingsOf('circuitBreaker', { failureThreshold: 1, successThreshold: 1 });
  const layer = circuitBreaker.create({ circuitBreaker: settings }, fakeContext(clock))!;
  const stage = layer.wrap(next);
  const send = () => {
    const reply = stage.run(fakeAttempt(grpcCall()));
    reply.catch(() => {});
    return reply;
  };
  return { clock, next, send, state: () => layer.circuit.snapshot().state };
}

t.test('counts the status in the trailers', async (t) => {
  for (const [code, state] of [
    ['UNAVAILABLE', 'open'],
    ['NOT_FOUND', 'closed'],
    ['OK', 'closed'],
  ] as const) {
    const { next, send, ...tested } = build();
    const reply = send();
    const given = next.last.respond(begun);
    await reply;
    t.equal(tested.state(), 'closed', 'the headers say nothing');
    given.outcome = said(code);
    given.finish();
    t.equal(tested.state(), state, code);
  }
});

t.test('counts a trailers-only status at once', async (t) => {
  const { next, send, state } = build();
  const reply = send();
  next.last.respond(trailersOnly('UNAVAILABLE'));
  await reply;
  t.equal(state(), 'open');
});

t.test('counts a response that breaks off', async (t) => {
  const { next, send, state } = build();
  const reply = send();
  const given = next.last.respond(begun);
  await reply;
  given.finish(reset);
  t.equal(state(), 'open');
});

t.test('lets the next probe through at the headers, and closes at the trailers', async (t) => {
  const { clock, next, send, state } = build();
  const failed = send();
  next.last.respond(trailersOnly('UNAVAILABLE'));
  await failed;
  await clock.advance(30_000);
  const probes = [send(), send(), send()];
  t.match(await failureOf(send()), { reason: 'circuit-open' }, 'there is room for three');
  const responses = next.runs.slice(1).map((run) => run.respond(begun));
  await Promise.all(probes);
  void send();
  t.equal(next.runs.length, 5, 'their headers make room');
  responses[0]!.outcome = said('OK');
  responses[0]!.finish();
  t.equal(state(), 'closed');
});
