import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import { CallError, OutrunError, type CallFailure } from '../../../src/core/errors.js';
import type { AttemptStage } from '../../../src/core/pipeline.js';
import type { Reply } from '../../../src/core/reply.js';
import { hedge } from '../../../src/policies/hedge/index.js';
import { fakeAttempt, fakeCall, fakeContext } from '../../support/fake-call.js';
import { FAKE_WALL_START_MS, FakeClock } from '../../support/fake-clock.js';
import { fakeReply, type FakeReply } from '../../support/fake-reply.js';
import { clientGone } from '../../support/fake-stage.js';
import { settingsOf } from '../../support/settings.js';

type End = 'good' | 'notFound' | 'bad' | 'failed';

interface World {
  /** A multiple of 10. */
  readonly afterMs: number;
  readonly maxExtra: number;
  readonly endpoints: number;
  readonly budget: number;
  /** Multiples of 10, and 5 more. */
  readonly hangsUpMs: number | undefined;
  readonly deadlineMs: number | undefined;
  readonly circuitOpensMs: number | undefined;
  /** What becomes of each attempt, in order; none ends at a multiple of 5. */
  readonly attempts: readonly { readonly takesMs: number; readonly end: End }[];
}

const off5 = fc.option(
  fc.nat(60).map((n) => n * 10 + 5),
  { nil: undefined },
);

const worlds = fc.record<World>({
  afterMs: fc.constantFrom(10, 50, 100),
  maxExtra: fc.integer({ min: 1, max: 3 }),
  endpoints: fc.integer({ min: 1, max: 4 }),
  budget: fc.nat(3),
  hangsUpMs: off5,
  deadlineMs: off5,
  circuitOpensMs: off5,
  attempts: fc.array(
    fc.record({
      takesMs: fc
        .tuple(fc.nat(40), fc.constantFrom(1, 2, 3, 4, 6, 7, 8, 9))
        .map(([n, rest]) => n * 10 + rest),
      end: fc.constantFrom<End>('good', 'notFound', 'bad', 'failed'),
    }),
    { minLength: 4, maxLength: 4 },
  ),
});

/** How a race goes. */
interface Course {
  /** When each attempt starts. */
  readonly startsMs: readonly number[];
  /** The attempt whose end is the caller's; undefined where the client hangs up first. */
  readonly last: number | undefined;
  readonly results: readonly string[];
}

const statuses = { good: 200, notFound: 404, bad: 503 } as const;
const isGood = (end: End) => end === 'good' || end === 'notFound';

/** Step by step in time, with nothing of the policy. */
function model(world: World): Course {
  const { afterMs, maxExtra, endpoints, budget, attempts, hangsUpMs = Infinity } = world;
  const { deadlineMs = Infinity, circuitOpensMs = Infinity } = world;
  const startsMs = [0];
  const ended = new Set<number>();
  let isHedging = true;
  let denials = 0;
  const over = (last: number | undefined): Course => {
    const extra = startsMs.slice(1).map((_, i) => {
      const isWinner = i + 1 === last && isGood(attempts[i + 1]!.end);
      return isWinner ? 'won' : 'lost';
    });
    const denied = Array.from({ length: denials }, () => 'denied');
    return { startsMs, last, results: [...denied, ...extra] };
  };
  for (let ms = 0; ; ms++) {
    if (ms === hangsUpMs) return over(undefined);
    for (const [i, startMs] of startsMs.entries()) {
      if (startMs + attempts[i]!.takesMs !== ms) continue;
      ended.add(i);
      if (isGood(attempts[i]!.end) || ended.size === startsMs.length) return over(i);
    }
    if (!isHedging || ms === 0 || ms % afterMs !== 0) continue;
    const isForbidden =
      startsMs.length > maxExtra ||
      startsMs.length >= endpoints ||
      ms >= deadlineMs ||
      ms >= circuitOpensMs;
    if (!isForbidden && startsMs.length <= budget) startsMs.push(ms);
    else {
      isHedging = false;
      if (!isForbidden) denials = 1;
    }
  }
}

async function play(world: World) {
  const clock = new FakeClock();
  const context = fakeContext(clock);
  const runs: { startMs: number; what: FakeReply | CallFailure; isCancelled: boolean }[] = [];
  const next: AttemptStage = {
    run(attempt) {
      const { takesMs, end } = world.attempts[runs.length]!;
      const what =
        end === 'failed'
          ? new CallError('upstream-reset', '')
          : fakeReply({ status: statuses[end] });
      const run = { startMs: clock.now(), what, isCancelled: false };
      runs.push(run);
      call.triedEndpoints = [...call.triedEndpoints, `127.0.0.1:${runs.length}`];
      return new Promise((resolve, reject) => {
        const timer = clock.schedule(takesMs, () => {
          if (what instanceof Error) reject(what);
          else resolve(what);
        });
        attempt.onCancel((error) => {
          run.isCancelled = error instanceof OutrunError;
          timer.cancel();
          reject(error);
        });
      });
    },
    refusal: () =>
      clock.now() >= (world.circuitOpensMs ?? Infinity)
        ? new CallError('connect-failed', '')
        : undefined,
  };
  const options = {
    after: world.afterMs,
    percentile: 95,
    maxExtra: world.maxExtra,
    methods: ['GET'],
  };
  const retry = settingsOf('retry', { statuses: [503] });
  const stage = hedge.create({ hedge: options, retry, idempotency: 'off' }, context)!.wrap(next);
  const call = fakeCall();
  let paid = 0;
  call.attemptBudget = { tryWithdraw: () => paid < world.budget && (paid += 1) > 0 };
  call.endpoints = { hasOther: (tried) => tried.length < world.endpoints };
  const { deadlineMs: atMs, hangsUpMs } = world;
  if (atMs !== undefined) {
    const wallMs = FAKE_WALL_START_MS + atMs;
    call.deadline = { atMs, wallMs, source: 'header', callerAtMs: atMs, bufferMs: 0 };
  }
  const gone = clientGone();
  if (hangsUpMs !== undefined) clock.schedule(hangsUpMs, () => call.cancel(gone));
  let ends = 0;
  let outcome: Reply | CallFailure | undefined;
  const note = (end: Reply | CallFailure): void => {
    ends += 1;
    outcome = end;
  };
  stage.run(fakeAttempt(call)).then(note, note);
  await clock.advance(10_000);
  return { clock, call, runs, gone, paid, ends, outcome, events: context.events };
}

t.test('goes as the model says, whatever the endpoints do', async (t) => {
  await fc.assert(
    fc.asyncProperty(worlds, async (world) => {
      const { startsMs, last, results } = model(world);
      const { clock, call, runs, gone, paid, ends, outcome, events } = await play(world);
      assert.equal(clock.pending, 0, 'no timer is left');
      assert.equal(ends, 1, 'the call ends once');
      assert.deepEqual(
        runs.map(({ startMs }) => startMs),
        startsMs,
      );
      assert.equal(call.attempts, startsMs.length);
      assert.equal(paid, startsMs.length - 1, 'each extra attempt is paid for, and nothing else');
      assert.equal(outcome, last === undefined ? gone : runs[last]!.what);
      assert.deepEqual(
        events.map((event) => (event as { result?: string }).result),
        results,
      );
      if (last === undefined) return;
      const endMs = startsMs[last]! + world.attempts[last]!.takesMs;
      for (const [i, { what, startMs, isCancelled }] of runs.entries()) {
        const endsMs = startMs + world.attempts[i]!.takesMs;
        const isLater: boolean = endsMs > endMs || (endsMs === endMs && i > last);
        assert.equal(isCancelled, isLater, 'exactly the attempts under way are cancelled');
        if (what instanceof Error) continue;
        assert.equal(what.isDiscarded, i !== last && !isLater, 'each other response is let go');
      }
    }),
    { numRuns: 300 },
  );
  t.pass();
});
