import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import type { Call } from '../../../src/core/call.js';
import { bulkhead as policy, type BulkheadSettings } from '../../../src/policies/bulkhead/index.js';
import { fakeCall, fakeContext } from '../../support/fake-call.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { clientGone, FakeStage } from '../../support/fake-stage.js';

type Options = Exclude<BulkheadSettings['bulkhead'], 'off'>;

const QUEUE_TIMEOUT_MS = 100;

/** A flooder and three others. */
const key = fc.constantFrom('a', 'a', 'a', 'b', 'c', 'd');

const pick = fc.nat(20);

/** Enough for queues to fill up. */
const LONG = { minLength: 30, maxLength: 120, size: 'max' } as const;

/** Everything that can happen; `pick` chooses whom it happens to. */
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('arrive' as const), key }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('finish' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('hang up' as const), pick }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('rest' as const), pick }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('return' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(40) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('reload' as const),
      limit: fc.integer({ min: 1, max: 6 }),
      perKey: fc.option(fc.integer({ min: 1, max: 4 })),
    }),
  },
);

const keyOf = ({ headers }: Call) => headers[1]!;

interface Waiting {
  readonly call: Call;
  readonly key: string;
  readonly sinceMs: number;
  /** It had a slot before: it stands in front, and for as long as it likes where the queue is full. */
  readonly isReturn: boolean;
}

/** The same machine in its simplest form: lists that are searched from the front. */
class Model {
  limit = 4;
  keyLimit: number | undefined = 2;
  maxQueue: number;
  /** The key is empty for those that came when no keys were counted. */
  active: { call: Call; key: string }[] = [];
  /** Those that had a slot before come first. */
  queue: Waiting[] = [];
  /** In back-off. */
  resting: { call: Call; key: string }[] = [];
  readonly admitted: Call[] = [];

  constructor(maxQueue: number) {
    this.maxQueue = maxQueue;
  }

  activeOf(key: string): number {
    return this.active.filter((one) => one.key === key).length;
  }

  /** Without those that had a slot before: no newcomer takes their places. */
  waitingOf(key: string): number {
    return this.queue.filter((one) => one.key === key && !one.isReturn).length;
  }

  get returning(): Waiting[] {
    return this.queue.filter(({ isReturn }) => isReturn);
  }

  mayEnter(key: string): boolean {
    if (this.active.length >= this.limit) return false;
    return this.keyLimit === undefined || this.activeOf(key) < this.keyLimit;
  }

  admit({ call, key }: { call: Call; key: string }): void {
    this.active.push({ call, key: this.keyLimit === undefined ? '' : key });
    this.admitted.push(call);
  }

  admitWaiters(): void {
    for (;;) {
      const first = this.queue.find(({ key }) => this.mayEnter(key));
      if (first === undefined) return;
      this.queue = this.queue.filter((one) => one !== first);
      this.admit(first);
    }
  }

  arrive(newcomer: Waiting): void {
    if (this.mayEnter(newcomer.key)) return this.admit(newcomer);
    if (this.queue.length >= this.maxQueue && !this.makeRoomFor(newcomer.key)) return;
    this.queue.push(newcomer);
  }

  makeRoomFor(key: string): boolean {
    if (this.keyLimit === undefined) return false;
    const longest = Math.max(0, ...this.queue.map((one) => this.waitingOf(one.key)));
    if (longest <= this.waitingOf(key) + 1) return false;
    const victim = this.queue.findLast(
      (one) => !one.isReturn && this.waitingOf(one.key) === longest,
    )!;
    this.queue = this.queue.filter((one) => one !== victim);
    return true;
  }

  finish(call: Call): void {
    this.active = this.active.filter((one) => one.call !== call);
    this.admitWaiters();
  }

  get mayRest(): boolean {
    return this.resting.length < this.limit;
  }

  rest(call: Call, key: string): void {
    this.resting.push({ call, key });
    this.finish(call);
  }

  /** @returns false where it may not even wait. */
  return(waiting: Waiting): boolean {
    this.resting = this.resting.filter(({ call }) => call !== waiting.call);
    if (this.mayEnter(waiting.key)) this.admit(waiting);
    else if (this.returning.length >= this.limit) return false;
    else this.queue.splice(this.returning.length, 0, waiting);
    return true;
  }

  reload(limit: number, keyLimit: number | undefined): void {
    const isOtherQueue = (keyLimit === undefined) !== (this.keyLimit === undefined);
    if (isOtherQueue) this.active = this.active.map(({ call }) => ({ call, key: '' }));
    this.limit = limit;
    this.keyLimit = keyLimit;
    this.admitWaiters();
  }

  age(nowMs: number): void {
    this.queue = this.queue.filter(({ sinceMs }) => sinceMs + QUEUE_TIMEOUT_MS > nowMs);
  }
}

t.test('admits whom plain lists would admit, in that order', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, LONG), fc.nat(8), async (steps, maxQueue) => {
      const clock = new FakeClock();
      const admitted: Call[] = [];
      /** Of one step: those that come back start later by some promises, though they had their slots earlier. */
      const inStep = { returned: [] as Call[], begun: [] as Call[] };
      const next = new (class extends FakeStage {
        override run(call: Call) {
          inStep.begun.push(call);
          return super.run(call);
        }
      })();
      /** As a retry that has to do without: its run ends. */
      const giveUp = (call: Call) => next.runs.find((run) => run.call === call)!.fail(clientGone());
      const context = fakeContext(clock);
      const model = new Model(maxQueue);
      const create = (previous?: ReturnType<typeof policy.create>) => {
        const { limit, keyLimit } = model;
        const options: Options = {
          mode: 'enforce' as const,
          maxConcurrent: limit,
          maxQueue,
          queueTimeout: QUEUE_TIMEOUT_MS,
          maxStreams: 'off' as const,
          adaptive: 'off',
          perKey: keyLimit === undefined ? 'off' : { header: 'Key', maxConcurrent: keyLimit },
        };
        return policy.create({ bulkhead: options }, context, previous)!;
      };
      let layer = create();

      for (const what of steps) {
        if (what.do === 'arrive') {
          const call = fakeCall({ headers: ['Key', what.key] });
          model.arrive({ call, key: what.key, sinceMs: clock.now(), isReturn: false });
          layer
            .wrap(next)
            .run(call)
            .catch(() => {});
        } else if (what.do === 'wait') {
          await clock.advance(what.ms);
          const before = model.returning;
          model.age(clock.now());
          for (const one of before) if (!model.queue.includes(one)) giveUp(one.call);
        } else if (what.do === 'reload') {
          model.reload(what.limit, what.perKey ?? undefined);
          layer = create(layer);
        } else if (what.do === 'hang up') {
          const waiting = model.queue[what.pick % model.queue.length];
          model.queue = model.queue.filter((one) => one !== waiting);
          waiting?.call.cancel(clientGone());
          if (waiting?.isReturn === true) giveUp(waiting.call);
        } else if (what.do === 'rest') {
          const call = model.active[what.pick % model.active.length]?.call;
          if (call === undefined) continue;
          assert.equal(call.slot!.mayRelease, model.mayRest);
          if (!model.mayRest) continue;
          model.rest(call, keyOf(call));
          call.slot!.release();
        } else if (what.do === 'return') {
          const one = model.resting[what.pick % model.resting.length];
          if (one === undefined) continue;
          if (!model.return({ ...one, sinceMs: clock.now(), isReturn: true })) giveUp(one.call);
          one.call.slot!.reacquire().then(
            () => inStep.returned.push(one.call),
            () => {},
          );
        } else {
          const call = model.active[what.pick % model.active.length]?.call;
          if (call === undefined) continue;
          model.finish(call);
          next.runs.find((run) => run.call === call)!.fail(clientGone());
        }
        await settle();
        admitted.push(...inStep.returned.splice(0), ...inStep.begun.splice(0));
        assert.equal(layer.bulkhead.active, model.active.length);
        assert.equal(layer.bulkhead.queued, model.queue.length);
        assert.equal(admitted.length, model.admitted.length);
        assert.ok(admitted.every((call, i) => call === model.admitted[i]));
        assert.equal(clock.pending, model.queue.length, 'one timer for each waiter');
        assert.ok(
          !model.queue.some((one) => model.mayEnter(one.key)),
          'no call waits for a slot that is free for it',
        );
      }

      // No slot and no place was lost: all of them can be had again.
      await clock.advance(QUEUE_TIMEOUT_MS);
      for (const { call } of next.runs) giveUp(call);
      await settle();
      assert.equal(layer.bulkhead.active, 0);
      assert.equal(layer.bulkhead.queued, 0);
      assert.ok(layer.bulkhead.mayRest);
    }),
    { numRuns: 400 },
  );
  t.pass();
});
