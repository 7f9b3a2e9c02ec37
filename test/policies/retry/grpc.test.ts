/** Retries of gRPC calls. */
import t from 'tap';
import { CallError } from '../../../src/core/errors.js';
import type { CallInit } from '../../../src/core/call.js';
import { retry } from '../../../src/policies/retry/index.js';
import { fakeContext } from '../../support/fake-call.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { begun, GRPC, grpcCall, said, trailersOnly } from '../../support/fake-grpc.js';
import { FakeStage } from '../../support/fake-stage.js';
import { settingsOf } from '../../support/settings.js';

const reset = new CallError('upstream-reset', 'Cannot');
const unsent = new CallError('connect-failed', 'Cannot');

const builtIn = settingsOf('retry');

function build(changes: Partial<typeof builtIn> = {}) {
  const clock = new FakeClock();
  const next = new FakeStage();
  const backoff = { ...builtIn.backoff, jitter: 'none' } as const;
  const settings = { retry: { ...builtIn, backoff, ...changes }, idempotency: 'off' } as const;
  const context = fakeContext(clock);
  const stage = retry.create(settings, context)!.wrap(next);
  const start = (init: Partial<CallInit> = {}) => {
    const reply = stage.run(grpcCall(init));
    reply.catch(() => {});
    return reply;
  };
  return { clock, next, events: context.events, start };
}

const idempotent = { grpc: 'idempotent' } as const;

t.test('repeats what was not sent, and by default nothing else', async (t) => {
  for (const [error, attempts] of [
    [unsent, 2],
    [reset, 1],
  ] as const) {
    const { clock, next, start } = build();
    start();
    next.last.fail(error);
    await clock.advance(1000);
    t.equal(next.runs.length, attempts, error.reason);
  }
  const { clock, next, events, start } = build();
  const reply = start();
  const busy = next.last.respond(trailersOnly('UNAVAILABLE'));
  await clock.advance(1000);
  t.equal(await reply, busy);
  t.same(events, [{ type: 'retry-denied', cause: 'method' }]);
});

t.test('does not go by an idempotency key', async (t) => {
  const { clock, next, start } = build();
  start({ headers: ['Idempotency-Key', 'k'] });
  next.last.fail(reset);
  await clock.advance(1000);
  t.equal(next.runs.length, 1);
});

t.test('repeats an idempotent call after a reset, and after a trailers-only status', async (t) => {
  const { clock, next, start } = build(idempotent);
  const reply = start();
  next.last.fail(reset);
  await clock.advance(1000);
  next.last.respond(trailersOnly('UNAVAILABLE'));
  await clock.advance(1000);
  const good = next.last.respond(begun);
  t.equal(await reply, good);
  t.equal(next.runs.length, 3);
});

t.test('repeats at once over another connection where a kept one was closed', async (t) => {
  const stale = new CallError('upstream-reset', 'Cannot', { stale: true });
  for (const [options, attempts] of [
    [idempotent, 2],
    [{}, 1],
  ] as const) {
    const { next, start } = build(options);
    start();
    next.last.fail(stale);
    await settle();
    t.equal(next.runs.length, attempts);
  }
});

t.test('repeats after no other response', async (t) => {
  for (const response of [
    trailersOnly('INTERNAL'),
    trailersOnly('OK'),
    begun,
    { headers: GRPC, outcome: said('UNAVAILABLE', false), isComplete: true },
  ]) {
    const { clock, next, start } = build(idempotent);
    const reply = start();
    const given = next.last.respond(response);
    await clock.advance(1000);
    t.equal(await reply, given);
    t.equal(next.runs.length, 1);
  }
});

t.test('repeats after the statuses that the option lists', async (t) => {
  const { clock, next, start } = build({ ...idempotent, grpcStatuses: ['RESOURCE_EXHAUSTED'] });
  start();
  next.last.respond(trailersOnly('RESOURCE_EXHAUSTED'));
  await clock.advance(1000);
  t.equal(next.runs.length, 2);
  next.last.respond(trailersOnly('UNAVAILABLE'));
  await clock.advance(1000);
  t.equal(next.runs.length, 2);
});

t.test('waits as long as the upstream asks, more or less than its back-off', async (t) => {
  for (const waitMs of [0, 20, 700]) {
    const { clock, next, start } = build(idempotent);
    start();
    next.last.respond(trailersOnly('UNAVAILABLE', ['grpc-retry-pushback-ms', String(waitMs)]));
    await settle();
    if (waitMs > 0) {
      await clock.advance(waitMs - 1);
      t.equal(next.runs.length, 1);
      await clock.advance(1);
    }
    t.equal(next.runs.length, 2, `${waitMs} ms`);
  }
});

t.test('does not repeat where the upstream forbids it, or asks for too long a wait', async (t) => {
  for (const pushback of ['-1', 'x', '10001']) {
    const { clock, next, events, start } = build(idempotent);
    start();
    next.last.respond(trailersOnly('UNAVAILABLE', ['grpc-retry-pushback-ms', pushback]));
    await clock.advance(60_000);
    t.equal(next.runs.length, 1);
    t.same(events, [{ type: 'retry-denied', cause: 'retry-after' }]);
  }
});

t.test('goes by its back-off alone where it is told to', async (t) => {
  const { clock, next, start } = build({ ...idempotent, respectRetryAfter: false });
  start();
  next.last.respond(trailersOnly('UNAVAILABLE', ['grpc-retry-pushback-ms', '-1']));
  await clock.advance(100);
  t.equal(next.runs.length, 2);
});
