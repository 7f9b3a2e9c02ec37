/** A bulkhead in shadow judges calls as one that is enforced, as long as calls take as long as there. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import type { Call } from '../../../src/core/call.js';
import { CallError } from '../../../src/core/errors.js';
import type { CallStage } from '../../../src/core/pipeline.js';
import type { Reply } from '../../../src/core/reply.js';
import type { Mode } from '../../../src/core/mode.js';
import { bulkhead as policy, type BulkheadSettings } from '../../../src/policies/bulkhead/index.js';
import { fakeCall, fakeContext } from '../../support/fake-call.js';
import { FakeClock } from '../../support/fake-clock.js';
import { FakeReply } from '../../support/fake-reply.js';
import { settingsOf } from '../../support/settings.js';

/** Ms with so many digits that no two instants are the same by chance: their order would be too. */
const duration = fc
  .tuple(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 999_983 }))
  .map(([whole, part]) => whole + part / 1_000_000);

interface Plan {
  /** After the call before. */
  readonly afterMs: number;
  readonly key: string;
  /** The length of each attempt. */
  readonly works: readonly number[];
  /** Between two attempts. */
  readonly restMs: number;
}

const plan: fc.Arbitrary<Plan> = fc.record({
  afterMs: duration.map((ms) => ms / 4),
  key: fc.constantFrom('a', 'b', 'c'),
  works: fc.array(duration, { minLength: 1, maxLength: 3 }),
  restMs: duration,
});

const rules = fc.record({
  maxConcurrent: fc.integer({ min: 1, max: 3 }),
  maxQueue: fc.integer({ min: 0, max: 3 }),
  queueTimeout: fc.constantFrom(100, 250),
  perKey: fc.constantFrom('off' as const, { header: 'Key', maxConcurrent: 1 }),
});

type Rules = Partial<Exclude<BulkheadSettings['bulkhead'], 'off'>>;

/** Plays the plans. @returns why each call is, or would be, cut short, or the instant at which it ended. */
async function play(mode: Mode, rules: Rules, plans: readonly Plan[]) {
  const clock = new FakeClock();
  const sleep = (ms: number) => new Promise<void>((resolve) => clock.schedule(ms, resolve));
  const planOf = new Map<Call, Plan>();
  const denied = new Set<Call>();

  /** As a retry that is sure of its attempts. */
  const next: CallStage = {
    refusal: () => undefined,
    async run(call): Promise<Reply> {
      const { works, restMs } = planOf.get(call)!;
      for (const [i, workMs] of works.entries()) {
        if (i > 0) {
          if (!call.slot!.mayRelease) {
            denied.add(call);
            break;
          }
          call.slot!.release();
          await sleep(restMs);
          await call.slot!.reacquire();
        }
        await sleep(workMs);
      }
      return new FakeReply({ isComplete: true });
    },
  };

  const context = fakeContext(clock);
  const layer = policy.create({ bulkhead: settingsOf('bulkhead', { mode, ...rules }) }, context)!;
  const stage = layer.wrap(next);
  const results: (() => string)[] = [];
  let waitedMs = 0;
  for (const each of plans) {
    await clock.advance(each.afterMs);
    const call = fakeCall({ headers: ['Key', each.key] });
    planOf.set(call, each);
    let reason = '';
    stage.run(call).catch((error: unknown) => {
      reason = error instanceof CallError ? error.reason : String(error);
    });
    const isDenied = () => (denied.has(call) ? 'bulkhead-full' : '');
    results.push(() => (mode === 'shadow' ? call.shadow.join() : reason || isDenied()));
  }
  await clock.advance(60_000);
  assert.equal(clock.pending, 0);
  const judge = layer.rehearsal ?? layer.bulkhead;
  assert.deepEqual([judge.active, judge.queued, layer.bulkhead.active], [0, 0, 0]);
  const told = mode === 'shadow' ? 'bulkhead-would-admit' : 'bulkhead-admitted';
  for (const event of context.events) {
    if (event.type === told && 'waitedMs' in event) waitedMs += event.waitedMs as number;
  }
  return { results: results.map((read) => read()), waitedMs: Math.round(waitedMs) };
}

t.test('notes the calls that enforce would refuse, for the same reasons', async (t) => {
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(rules, fc.array(plan, { maxLength: 25 }), async (rules, plans) => {
      const enforced = await play('enforce', rules, plans);
      assert.deepEqual(await play('shadow', rules, plans), enforced);
      refused += enforced.results.filter((reason) => reason !== '').length;
    }),
    { numRuns: 150 },
  );
  t.ok(refused > 100, `it is about refusals: ${refused}`);
});
