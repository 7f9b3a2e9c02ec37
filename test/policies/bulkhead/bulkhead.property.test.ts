import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import type { Call } from '../../../src/core/call.js';
import { bulkhead as policy } from '../../../src/policies/bulkhead/index.js';
import { fakeCall, fakeContext } from '../../support/fake-call.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import type { FakeReply } from '../../support/fake-reply.js';
import { clientGone, FakeStage } from '../../support/fake-stage.js';

const LIMIT = 2;
const MAX_QUEUE = 3;
const QUEUE_TIMEOUT_MS = 100;

/** Everything that can happen to a bulkhead; `pick` chooses whom it happens to. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ do: 'arrive', pick: 0 } as const) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('finish' as const), pick: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const), pick: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('hang up' as const), pick: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rest' as const), pick: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('return' as const), pick: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('give up' as const), pick: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stream' as const), pick: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), pick: fc.nat(70) }) },
);

/** The same machine in its simplest form: lists. */
class Model {
  readonly active: Call[] = [];
  /** Those that had a slot before. */
  readonly returning: { call: Call; sinceMs: number }[] = [];
  readonly queue: { call: Call; sinceMs: number }[] = [];
  /** In back-off. */
  readonly resting: Call[] = [];
  readonly streams: Call[] = [];
  /** In the order of all admissions, the second ones of calls included. */
  readonly admitted: Call[] = [];

  get queued(): number {
    return this.returning.length + this.queue.length;
  }

  admit(call: Call): void {
    this.active.push(call);
    this.admitted.push(call);
  }

  arrive(call: Call, nowMs: number): void {
    if (this.active.length < LIMIT) this.admit(call);
    else if (this.queued < MAX_QUEUE) this.queue.push({ call, sinceMs: nowMs });
  }

  leave(call: Call): void {
    this.active.splice(this.active.indexOf(call), 1);
    const first = this.returning.shift() ?? this.queue.shift();
    if (first !== undefined) this.admit(first.call);
  }

  rest(call: Call): void {
    this.resting.push(call);
    this.leave(call);
  }

  return(call: Call, nowMs: number): void {
    this.resting.splice(this.resting.indexOf(call), 1);
    if (this.active.length < LIMIT) this.admit(call);
    else this.returning.push({ call, sinceMs: nowMs });
  }

  /** @returns those that had a slot before and have waited for too long. */
  age(nowMs: number): Call[] {
    const isOver = ({ sinceMs }: { sinceMs: number }) => sinceMs + QUEUE_TIMEOUT_MS <= nowMs;
    while (this.queue.length > 0 && isOver(this.queue[0]!)) this.queue.shift();
    const over = this.returning.filter(isOver).map(({ call }) => call);
    this.returning.splice(0, over.length);
    return over;
  }
}

t.test('admits whom plain lists would admit, in that order', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const clock = new FakeClock();
      const admitted: Call[] = [];
      const next = new (class extends FakeStage {
        override run(call: Call) {
          admitted.push(call);
          return super.run(call);
        }
      })();
      const options = {
        mode: 'enforce' as const,
        maxConcurrent: LIMIT,
        maxQueue: MAX_QUEUE,
        queueTimeout: QUEUE_TIMEOUT_MS,
        maxStreams: 'off' as const,
        perKey: 'off' as const,
        adaptive: 'off' as const,
      };
      const layer = policy.create({ bulkhead: options }, fakeContext(clock))!;
      const stage = layer.wrap(next);
      const model = new Model();
      const bodies = new Map<Call, FakeReply>();
      const runOf = (call: Call) => next.runs.find((run) => run.call === call)!;
      /** As a retry that has to do without: its run ends. */
      const giveUp = (call: Call) => runOf(call).fail(clientGone());

      for (const { do: what, pick } of steps) {
        const active = model.active[pick % model.active.length];
        const resting = model.resting[pick % model.resting.length];
        const run = next.runs.find(({ call }) => call === active);
        if (what === 'arrive') {
          const call = fakeCall();
          model.arrive(call, clock.now());
          stage.run(call).catch(() => {});
        } else if (what === 'wait') {
          await clock.advance(pick);
          model.age(clock.now()).forEach(giveUp);
        } else if (what === 'hang up') {
          const place = pick % (model.queued || 1);
          const isReturning = place < model.returning.length;
          const list = isReturning ? model.returning : model.queue;
          const [waiter] = list.splice(isReturning ? place : place - model.returning.length, 1);
          waiter?.call.cancel(clientGone());
          if (isReturning) giveUp(waiter!.call);
        } else if (what === 'return') {
          if (resting === undefined) continue;
          model.return(resting, clock.now());
          resting.slot!.reacquire().then(
            () => admitted.push(resting),
            () => {},
          );
        } else if (what === 'give up') {
          if (resting !== undefined) {
            model.resting.splice(model.resting.indexOf(resting), 1);
            giveUp(resting);
          } else {
            model.streams.splice(0).forEach((call) => bodies.get(call)!.finish());
          }
        } else if (what === 'rest') {
          if (active === undefined) continue;
          const { slot } = active;
          assert.equal(slot!.mayRelease, model.resting.length < LIMIT);
          if (!slot!.mayRelease) continue;
          model.rest(active);
          slot!.release();
        } else if (active !== undefined && run !== undefined) {
          model.leave(active);
          if (what === 'stream') {
            bodies.set(active, run.respond({ headers: ['Content-Type', 'text/event-stream'] }));
            model.streams.push(active);
          } else if (what === 'finish') {
            const body = run.respond();
            await settle();
            body.finish();
          } else {
            run.fail(clientGone());
          }
        }
        await settle();
        assert.equal(layer.bulkhead.active, model.active.length);
        assert.equal(layer.bulkhead.queued, model.queued);
        assert.equal(layer.bulkhead.streams, model.streams.length);
        assert.equal(admitted.length, model.admitted.length);
        assert.ok(admitted.every((call, i) => call === model.admitted[i]));
        assert.equal(clock.pending, model.queued, 'one timer for each waiter');
      }

      // No slot was lost, and none came back twice: all of them can be had again.
      for (const call of [...model.resting, ...model.active]) giveUp(call);
      await clock.advance(QUEUE_TIMEOUT_MS);
      for (const { call } of next.runs) runOf(call).fail(clientGone());
      for (const body of bodies.values()) body.finish();
      await settle();
      assert.equal(layer.bulkhead.active, 0);
      assert.equal(layer.bulkhead.queued, 0);
      assert.equal(layer.bulkhead.streams, 0);
      assert.ok(layer.bulkhead.mayRest);
    }),
    { numRuns: 400 },
  );
  t.pass();
});
