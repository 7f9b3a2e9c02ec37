import t from 'tap';
import type { Call } from '../../../src/core/call.js';
import { CallError } from '../../../src/core/errors.js';
import { reasons } from '../../../src/policies/index.js';
import type { Reply } from '../../../src/core/reply.js';
import { bulkhead as policy, type BulkheadSettings } from '../../../src/policies/bulkhead/index.js';
import { fakeCall, fakeContext } from '../../support/fake-call.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { clientGone, failureOf, FakeStage } from '../../support/fake-stage.js';
import { settingsOf } from '../../support/settings.js';

type Options = Exclude<BulkheadSettings['bulkhead'], 'off'>;

function build(options: Partial<Options> = {}) {
  const clock = new FakeClock();
  const context = fakeContext(clock);
  const next = new FakeStage();
  const settings = settingsOf('bulkhead', {
    maxConcurrent: 1,
    maxQueue: 2,
    queueTimeout: 1000,
    ...options,
  });
  const layer = policy.create({ bulkhead: settings }, context)!;
  const stage = layer.wrap(next);
  return { clock, events: context.events, next, stage, bulkhead: layer.bulkhead };
}

/** Runs a call and keeps its end from being an unhandled rejection. */
function start(stage: { run(call: Call): Promise<Reply> }, call = fakeCall()) {
  const reply = stage.run(call);
  reply.catch(() => {});
  return { call, reply };
}

t.test('is absent from the chain when it is off', async (t) => {
  t.equal(policy.create({ bulkhead: 'off' }, fakeContext(new FakeClock())), undefined);
});

t.test('keeps a slot until the last byte of the response', async (t) => {
  const { next, stage, bulkhead } = build({ maxConcurrent: 2 });
  const { reply } = start(stage);
  t.match(bulkhead, { active: 1, queued: 0, limit: 2 });
  const body = next.last.respond();
  t.equal(await reply, body);
  t.equal(bulkhead.active, 1);
  body.finish();
  t.equal(bulkhead.active, 0);
});

t.test('gives the slot of a broken response back', async (t) => {
  const { next, stage, bulkhead } = build();
  const { reply } = start(stage);
  next.last.respond().abort(clientGone());
  await reply;
  t.equal(bulkhead.active, 0);
});

t.test('gives the slot of a complete response back at once', async (t) => {
  const { next, stage, bulkhead } = build();
  const { reply } = start(stage);
  next.last.respond({ isComplete: true });
  await reply;
  t.equal(bulkhead.active, 0);
});

t.test('gives the slot of a failed call back and passes the failure on', async (t) => {
  const { next, stage, bulkhead } = build();
  const { reply } = start(stage);
  const error = new CallError('upstream-reset', 'Cannot');
  next.last.fail(error);
  t.equal(await failureOf(reply), error);
  t.equal(bulkhead.active, 0);
});

t.test('admits waiters first in, first out', async (t) => {
  const { next, stage, bulkhead } = build();
  const [first, second, third] = [start(stage), start(stage), start(stage)];
  t.match(bulkhead, { active: 1, queued: 2 });
  const bodies = [next.last.respond({})];
  await first.reply;
  bodies[0]!.finish();
  t.match(bulkhead, { active: 1, queued: 1 }, 'no slot is free for a moment');
  await settle();
  t.equal(next.last.call, second.call);
  next.last.fail(clientGone());
  await settle();
  t.equal(next.last.call, third.call);
  t.match(bulkhead, { active: 1, queued: 0 });
});

t.test('lets no call overtake the queue', async (t) => {
  const { next, stage } = build();
  start(stage);
  const waiter = start(stage);
  next.last.fail(clientGone());
  await Promise.resolve();
  const late = start(stage);
  await settle();
  t.equal(next.last.call, waiter.call);
  t.not(next.last.call, late.call);
});

t.test('refuses at once when the queue is full', async (t) => {
  const { next, stage } = build({ maxQueue: 1, queueTimeout: 700 });
  start(stage);
  start(stage);
  t.match(await failureOf(start(stage).reply), {
    reason: 'bulkhead-full',
    retryAfterMs: 700,
    message:
      'Cannot admit GET to catalog because all 1 slots of its bulkhead are taken and 1 calls wait already',
  });
  t.equal(next.runs.length, 1);
});

t.test('queues no call when maxQueue is 0', async (t) => {
  const { stage, bulkhead } = build({ maxQueue: 0 });
  start(stage);
  t.match(await failureOf(start(stage).reply), { reason: 'bulkhead-full' });
  t.equal(bulkhead.queued, 0);
});

t.test('gives up after queueTimeout and leaves the queue', async (t) => {
  const { clock, next, stage, bulkhead } = build();
  start(stage);
  const { call, reply } = start(stage);
  await clock.advance(999);
  t.equal(bulkhead.queued, 1);
  await clock.advance(1);
  t.match(await failureOf(reply), {
    reason: 'bulkhead-timeout',
    retryAfterMs: 1000,
    message:
      'Cannot admit GET to catalog because none of the 1 slots of its bulkhead came free within 1000 ms',
  });
  t.match(bulkhead, { active: 1, queued: 0 });
  t.equal(call.waitedMs, 1000);
  next.last.fail(clientGone());
  await settle();
  t.equal(next.runs.length, 1, 'a waiter that gave up is not admitted later');
  t.equal(bulkhead.active, 0);
});

t.test('waits for as long as the deadline lets it when queueTimeout is off', async (t) => {
  const { clock, stage, bulkhead } = build({ queueTimeout: 'off', maxQueue: 1 });
  start(stage);
  const { call, reply } = start(stage);
  t.match(await failureOf(start(stage).reply), { reason: 'bulkhead-full', retryAfterMs: 1000 });
  await clock.advance(3_600_000);
  t.equal(bulkhead.queued, 1);
  const expired = new CallError('deadline-expired', 'Cannot');
  call.cancel(expired);
  t.equal(bulkhead.queued, 0);
  t.equal(await failureOf(reply), expired);
});

t.test('takes a caller that hung up out of the queue at once, wherever it stands', async (t) => {
  for (const gone of [0, 1, 2]) {
    const { clock, next, stage, bulkhead } = build({ maxQueue: 3 });
    start(stage);
    const waiters = [start(stage), start(stage), start(stage)];
    const error = clientGone();
    waiters[gone]!.call.cancel(error);
    t.equal(bulkhead.queued, 2, `waiter ${gone}`);
    t.equal(clock.pending, 2, 'its timer is gone too');
    t.equal(await failureOf(waiters[gone]!.reply), error);
    const newcomer = start(stage);
    const expected = [...waiters.filter((_, i) => i !== gone), newcomer];
    for (const { call } of expected) {
      next.last.fail(clientGone());
      await settle();
      t.equal(next.last.call, call);
    }
    next.last.fail(clientGone());
    await settle();
    t.match(bulkhead, { active: 0, queued: 0 });
    t.equal(clock.pending, 0);
  }
});

t.test('does not queue a call that was ended before', async (t) => {
  const { stage, bulkhead } = build();
  start(stage);
  const call = fakeCall();
  const error = clientGone();
  call.cancel(error);
  t.equal(await failureOf(start(stage, call).reply), error);
  t.equal(bulkhead.queued, 0);
});

t.test('gives the slot back of a call that was ended between its turn and its start', async (t) => {
  const { next, stage, bulkhead, events } = build();
  start(stage);
  const [second, third] = [start(stage), start(stage)];
  const body = next.last.respond();
  await settle();
  body.finish();
  const error = clientGone();
  second.call.cancel(error);
  t.equal(await failureOf(second.reply), error);
  await settle();
  t.equal(next.last.call, third.call);
  t.match(bulkhead, { active: 1, queued: 0 });
  t.equal(events.length, 2, 'only what went on counts as admitted');
});

t.test('wakes no call after the queue was left', async (t) => {
  const { next, stage, bulkhead } = build();
  start(stage);
  const { call } = start(stage);
  next.last.fail(clientGone());
  await settle();
  call.cancel(clientGone());
  t.match(bulkhead, { active: 1, queued: 0 });
});

t.test('refuses at once what an open circuit would refuse after the wait', async (t) => {
  const { next, stage, bulkhead } = build();
  start(stage);
  next.refuses = new CallError(reasons['circuit-open'], 'Cannot');
  t.equal(await failureOf(start(stage).reply), next.refuses);
  t.equal(bulkhead.queued, 0);
  t.equal(stage.refusal(fakeCall()), next.refuses, 'and says so to those further out');
});

t.test('tells how long each admitted call has waited', async (t) => {
  const { clock, next, stage, events } = build();
  const first = start(stage);
  const second = start(stage);
  await clock.advance(250);
  next.last.fail(clientGone());
  await settle();
  t.strictSame(events, [
    { type: 'bulkhead-admitted', waitedMs: 0 },
    { type: 'bulkhead-admitted', waitedMs: 250 },
  ]);
  t.equal(first.call.waitedMs, 0);
  t.equal(second.call.waitedMs, 250);
  t.equal(clock.pending, 0, 'no timer outlives the wait');
});

t.test('shares its slots among all chains it is wrapped into', async (t) => {
  const clock = new FakeClock();
  const layer = policy.create(
    {
      bulkhead: {
        mode: 'enforce',
        maxConcurrent: 1,
        maxQueue: 0,
        queueTimeout: 1000,
        maxStreams: 'off',
        perKey: 'off',
        adaptive: 'off',
      },
    },
    fakeContext(clock),
  )!;
  start(layer.wrap(new FakeStage()));
  t.match(await failureOf(start(layer.wrap(new FakeStage())).reply), { reason: 'bulkhead-full' });
});
