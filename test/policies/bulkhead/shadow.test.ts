/** A bulkhead in shadow. */
import t from 'tap';
import type { Call } from '../../../src/core/call.js';
import { CallError } from '../../../src/core/errors.js';
import { bulkhead as policy, type BulkheadSettings } from '../../../src/policies/bulkhead/index.js';
import { fakeCall, fakeContext } from '../../support/fake-call.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { clientGone, failureOf, FakeStage } from '../../support/fake-stage.js';
import { settingsOf } from '../../support/settings.js';

type Options = Exclude<BulkheadSettings['bulkhead'], 'off'>;

const FULL = ['bulkhead-full'];
const EVENTS = ['Content-Type', 'text/event-stream'];

function build(options: Partial<Options> = {}) {
  const clock = new FakeClock();
  const context = fakeContext(clock);
  const next = new FakeStage();
  const create = (changes: Partial<Options>, previous?: ReturnType<typeof policy.create>) =>
    policy.create(
      {
        bulkhead: settingsOf('bulkhead', {
          mode: 'shadow',
          maxConcurrent: 1,
          maxQueue: 1,
          queueTimeout: 1000,
          ...options,
          ...changes,
        }),
      },
      context,
      previous,
    )!;
  let layer = create({});
  let stage = layer.wrap(next);
  return {
    clock,
    next,
    events: context.events,
    layer: () => layer,
    stage: () => stage,
    /** @returns how often an event of the type came. */
    count: (type: string) => context.events.filter((event) => event.type === type).length,
    reload: (changes: Partial<Options>) => {
      layer = create(changes, layer);
      stage = layer.wrap(next);
    },
    start: (call: Call = fakeCall()) => {
      const reply = stage.run(call);
      reply.catch(() => {});
      return { call, reply, run: next.runs.find((run) => run.call === call) };
    },
  };
}

t.test('queues and refuses no calls, and counts those it would have refused', async (t) => {
  const { start, next, layer, events } = build();
  const calls = [start(), start(), start(), start()];
  await settle();
  t.equal(next.runs.length, 4);
  t.same(
    calls.map(({ call }) => call.shadow),
    [[], [], FULL, FULL],
  );
  const refused = { type: 'shadow-refused', policy: 'bulkhead', reason: 'bulkhead-full' };
  t.same(
    events.filter(({ type }) => type === 'shadow-refused'),
    [refused, refused],
  );
  t.same(policy.describe(layer()), {
    bulkhead: { mode: 'shadow', active: 4, queued: 0, limit: 1, streams: 0 },
  });
  t.same(
    calls.map(({ call }) => call.waitedMs),
    [0, 0, 0, 0],
  );
});

t.test('a call that would have waited for too long counts as bulkhead-timeout', async (t) => {
  const { start, clock, count } = build();
  start();
  const { call } = start();
  await clock.advance(999);
  t.same(call.shadow, []);
  await clock.advance(1);
  t.same(call.shadow, ['bulkhead-timeout']);
  t.equal(count('shadow-refused'), 1);
});

t.test('a call that is over before it would have had its slot still needs one', async (t) => {
  const { start, clock, events } = build();
  const first = start();
  const second = start();
  await clock.advance(300);
  second.run!.respond({ isComplete: true });
  await clock.advance(200);
  first.run!.respond({ isComplete: true });
  await clock.advance(299);
  // Enforced, the second call would work from 500 to 800.
  const third = start();
  await clock.advance(1);
  third.run!.respond({ isComplete: true });
  await settle();
  const waits = () =>
    events.flatMap((event) => ('waitedMs' in event && event.type.includes('would') ? [event] : []));
  t.match(waits(), [{ waitedMs: 0 }, { waitedMs: 500 }, { waitedMs: 1 }]);
  t.equal(clock.pending, 1, 'the third one would end 1 ms later');
  await clock.advance(1);
  t.equal(clock.pending, 0);
});

t.test('a client that leaves would not have left later', async (t) => {
  const { start, clock, layer } = build({ maxQueue: 2 });
  const first = start();
  const second = start();
  const third = start();
  await clock.advance(100);
  third.call.cancel(clientGone());
  third.run!.fail(clientGone());
  first.run!.respond({ isComplete: true });
  await clock.advance(100);
  second.call.cancel(clientGone());
  second.run!.fail(clientGone());
  await settle();
  t.match(layer().rehearsal, { active: 0, queued: 0 });
  t.same(third.call.shadow, []);
  t.equal(clock.pending, 0);
});

t.test('a call in back-off would have no slot', async (t) => {
  const { start, layer } = build();
  const first = start();
  first.call.slot!.release();
  const second = start();
  await settle();
  t.same(second.call.shadow, []);
  t.match(layer().rehearsal, { active: 1, queued: 0 });
  await first.call.slot!.reacquire();
  t.match(layer().rehearsal, { active: 1, queued: 1 });
  t.equal(first.call.waitedMs, 0);
});

t.test('retries are not denied, but counted where they would have been', async (t) => {
  const { start } = build();
  const first = start();
  first.call.slot!.release();
  const second = start();
  t.ok(second.call.slot!.mayRelease);
  second.call.slot!.release();
  t.same(second.call.shadow, FULL, 'one call may be in back-off');
  t.same(first.call.shadow, []);
});

t.test('streams are counted, and those over maxStreams are noted', async (t) => {
  const { start, layer, next } = build({ maxConcurrent: 5, maxStreams: 1 });
  const calls = [start(), start()];
  const bodies = next.runs.map((run) => run.respond({ headers: EVENTS }));
  await settle();
  t.same(
    calls.map(({ call }) => call.shadow),
    [[], FULL],
  );
  t.match(layer().bulkhead, { active: 0, streams: 2 });
  t.match(layer().rehearsal, { active: 0, streams: 1 });
  for (const body of bodies) body.finish();
  await settle();
  t.match(layer().bulkhead, { streams: 0 });
  t.match(layer().rehearsal, { streams: 0 });
});

t.test('limits per key are judged as well', async (t) => {
  const perKey = { header: 'Key', maxConcurrent: 1 };
  const { start } = build({ maxConcurrent: 9, maxQueue: 0, perKey });
  const calls = ['a', 'b', 'a'].map((key) => start(fakeCall({ headers: ['Key', key] })));
  await settle();
  t.same(
    calls.map(({ call }) => call.shadow),
    [[], [], FULL],
  );
});

t.test('failures of calls pass as they are', async (t) => {
  const { start, layer } = build();
  const { reply, run } = start();
  const error = new CallError('upstream-reset', 'Cannot');
  run!.fail(error);
  t.equal(await failureOf(reply), error);
  t.match(layer().bulkhead, { active: 0 });
  t.match(layer().rehearsal, { active: 0 });
});

t.test('a reload to shadow lets in who waits; one to enforce counts who runs', async (t) => {
  const { start, reload, next, layer } = build({ mode: 'enforce' });
  const first = start();
  const second = start();
  t.equal(next.runs.length, 1);
  reload({ mode: 'shadow' });
  await settle();
  t.equal(next.runs.length, 2);
  const third = start();
  t.equal(next.runs.length, 3);
  reload({ mode: 'shadow' });
  t.equal(layer().bulkhead.active, 3);
  reload({ mode: 'enforce' });
  t.equal(layer().rehearsal, undefined);
  t.match(layer().bulkhead, { active: 3, limit: 1 });
  start();
  t.match(await failureOf(start().reply), { reason: 'bulkhead-full' });
  for (const { call } of [first, second, third]) {
    next.runs.find((run) => run.call === call)!.respond({ isComplete: true });
  }
  await settle();
  t.equal(next.runs.length, 4);
});

t.test('an adaptive limit goes on with what it has learned', async (t) => {
  const adaptive = { min: 1, max: 50, decreaseAbove: 0.2, increaseBelow: 0.05, window: 1000 };
  const { reload, layer } = build({ maxConcurrent: 20, adaptive });
  const learned = layer().adaptive;
  t.match(policy.describe(layer()), { bulkhead: { limit: 20 } });
  reload({ mode: 'enforce' });
  t.equal(layer().adaptive, learned);
  t.equal(layer().bulkhead.limit, 20);
  reload({ mode: 'enforce', adaptive: 'off', maxConcurrent: 7 });
  t.equal(layer().bulkhead.limit, 7);
});

const needs = (mode: 'enforce' | 'shadow') =>
  policy.needs({ bulkhead: settingsOf('bulkhead', { mode, maxConcurrent: 3 }) });

t.test('needs no connections for a limit that is not in force', async (t) => {
  t.same(needs('enforce'), { calls: 3 });
  t.same(needs('shadow'), {});
});
