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

interface Waiting {
  readonly call: Call;
  readonly key: string;
  readonly sinceMs: number;
}

/** The same machine in its simplest form: lists that are searched from the front. */
class Model {
  limit = 4;
  keyLimit: number | undefined = 2;
  maxQueue: number;
  /** The key is empty for those that came when no keys were counted. */
  active: { call: Call; key: string }[] = [];
  queue: Waiting[] = [];
  readonly admitted: Call[] = [];

  constructor(maxQueue: number) {
    this.maxQueue = maxQueue;
  }

  activeOf(key: string): number {
    return this.active.filter((one) => one.key === key).length;
  }

  waitingOf(key: string): number {
    return this.queue.filter((one) => one.key === key).length;
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
    const victim = this.queue.findLast((one) => this.waitingOf(one.key) === longest)!;
    this.queue = this.queue.filter((one) => one !== victim);
    return true;
  }

  finish(call: Call): void {
    this.active = this.active.filter((one) => one.call !== call);
    this.admitWaiters();
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
      const next = new FakeStage();
      const context = fakeContext(clock);
      const model = new Model(maxQueue);
      const create = (previous?: ReturnType<typeof policy.create>) => {
        const { limit, keyLimit } = model;
        const options: Options = {
          maxConcurrent: limit,
          maxQueue,
          queueTimeout: QUEUE_TIMEOUT_MS,
          adaptive: 'off',
          perKey: keyLimit === undefined ? 'off' : { header: 'Key', maxConcurrent: keyLimit },
        };
        return policy.create({ bulkhead: options }, context, previous)!;
      };
      let layer = create();

      for (const what of steps) {
        if (what.do === 'arrive') {
          const call = fakeCall({ headers: ['Key', what.key] });
          model.arrive({ call, key: what.key, sinceMs: clock.now() });
          layer
            .wrap(next)
            .run(call)
            .catch(() => {});
        } else if (what.do === 'wait') {
          await clock.advance(what.ms);
          model.age(clock.now());
        } else if (what.do === 'reload') {
          model.reload(what.limit, what.perKey ?? undefined);
          layer = create(layer);
        } else if (what.do === 'hang up') {
          const waiting = model.queue[what.pick % model.queue.length];
          model.queue = model.queue.filter((one) => one !== waiting);
          waiting?.call.cancel(clientGone());
        } else {
          const call = model.active[what.pick % model.active.length]?.call;
          if (call === undefined) continue;
          model.finish(call);
          next.runs.find((run) => run.call === call)!.fail(clientGone());
        }
        await settle();
        assert.equal(layer.bulkhead.active, model.active.length);
        assert.equal(layer.bulkhead.queued, model.queue.length);
        assert.ok(next.runs.length === model.admitted.length);
        assert.ok(next.runs.every(({ call }, i) => call === model.admitted[i]));
        assert.equal(clock.pending, model.queue.length, 'one timer for each waiter');
        assert.ok(
          !model.queue.some((one) => model.mayEnter(one.key)),
          'nobody waits for a slot that is free for it',
        );
      }

      // No slot and no place was lost: all of them can be had again.
      await clock.advance(QUEUE_TIMEOUT_MS);
      for (const { call } of model.active) {
        next.runs.find((run) => run.call === call)!.fail(clientGone());
      }
      await settle();
      assert.equal(layer.bulkhead.active, 0);
      assert.equal(layer.bulkhead.queued, 0);
    }),
    { numRuns: 200 },
  );
  t.pass();
});
