import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import type { Call } from '../../../src/core/call.js';
import { bulkhead as policy } from '../../../src/policies/bulkhead/index.js';
import { fakeCall, fakeContext } from '../../support/fake-call.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
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
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), pick: fc.nat(70) }) },
);

/** The same machine in its simplest form: two lists. */
class Model {
  readonly active: Call[] = [];
  readonly queue: { call: Call; sinceMs: number }[] = [];
  readonly admitted: Call[] = [];

  admit(call: Call): void {
    this.active.push(call);
    this.admitted.push(call);
  }

  arrive(call: Call, nowMs: number): void {
    if (this.active.length < LIMIT) this.admit(call);
    else if (this.queue.length < MAX_QUEUE) this.queue.push({ call, sinceMs: nowMs });
  }

  leave(call: Call): void {
    this.active.splice(this.active.indexOf(call), 1);
    const first = this.queue.shift();
    if (first !== undefined) this.admit(first.call);
  }

  age(nowMs: number): void {
    while (this.queue.length > 0 && this.queue[0]!.sinceMs + QUEUE_TIMEOUT_MS <= nowMs) {
      this.queue.shift();
    }
  }
}

t.test('admits whom two plain lists would admit, in that order', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const clock = new FakeClock();
      const next = new FakeStage();
      const options = {
        maxConcurrent: LIMIT,
        maxQueue: MAX_QUEUE,
        queueTimeout: QUEUE_TIMEOUT_MS,
        perKey: 'off' as const,
        adaptive: 'off' as const,
      };
      const layer = policy.create({ bulkhead: options }, fakeContext(clock))!;
      const stage = layer.wrap(next);
      const model = new Model();

      for (const { do: what, pick } of steps) {
        const active = model.active[pick % model.active.length];
        const run = next.runs.find(({ call }) => call === active);
        if (what === 'arrive') {
          const call = fakeCall();
          model.arrive(call, clock.now());
          stage.run(call).catch(() => {});
        } else if (what === 'wait') {
          await clock.advance(pick);
          model.age(clock.now());
        } else if (what === 'hang up') {
          const [waiter] = model.queue.splice(pick % (model.queue.length || 1), 1);
          waiter?.call.cancel(clientGone());
        } else if (active !== undefined && run !== undefined) {
          model.leave(active);
          if (what === 'finish') {
            const body = run.answer();
            await settle();
            body.finish();
          } else {
            run.fail(clientGone());
          }
        }
        await settle();
        assert.equal(layer.bulkhead.active, model.active.length);
        assert.equal(layer.bulkhead.queued, model.queue.length);
        assert.equal(next.runs.length, model.admitted.length);
        assert.ok(next.runs.every(({ call }, i) => call === model.admitted[i]));
        assert.equal(clock.pending, model.queue.length, 'one timer for each waiter');
      }
    }),
    { numRuns: 200 },
  );
  t.pass();
});
