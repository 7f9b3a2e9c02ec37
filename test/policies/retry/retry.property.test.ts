import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import type { Call } from '../../../src/core/call.js';
import { usableMs } from '../../../src/core/deadline.js';
import { CallError, ClientGoneError, type CallFailure } from '../../../src/core/errors.js';
import { reasons } from '../../../src/policies/index.js';
import type { CallStage } from '../../../src/core/pipeline.js';
import type { Reply } from '../../../src/core/reply.js';
import { retry } from '../../../src/policies/retry/index.js';
import { fakeBody, fakeCall, fakeContext } from '../../support/fake-call.js';
import { FAKE_WALL_START_MS, FakeClock } from '../../support/fake-clock.js';
import { fakeReply, type FakeReply } from '../../support/fake-reply.js';

/** Whether an end may be followed by another attempt, for a method that may be repeated and for one that may not. */
const ends = {
  good: { safe: false, unsafe: false, end: () => fakeReply({ status: 200 }) },
  notFound: { safe: false, unsafe: false, end: () => fakeReply({ status: 404 }) },
  failed: { safe: true, unsafe: false, end: () => fakeReply({ status: 503 }) },
  unsent: { safe: true, unsafe: true, end: () => new CallError('connect-failed', '') },
  stale: {
    safe: true,
    unsafe: false,
    end: () => new CallError('upstream-reset', '', { stale: true }),
  },
  reset: { safe: true, unsafe: false, end: () => new CallError('upstream-reset', '') },
  slow: { safe: true, unsafe: false, end: () => new CallError(reasons['timeout-attempt'], '') },
  expired: { safe: false, unsafe: false, end: () => new CallError('deadline-expired', '') },
  gone: { safe: false, unsafe: false, end: () => new ClientGoneError(499, '') },
} as const;
type End = keyof typeof ends;

interface Plan {
  readonly arrivesMs: number;
  readonly isSafe: boolean;
  readonly hasLostBody: boolean;
  readonly deadlineMs: number | undefined;
  readonly attempts: readonly { readonly takesMs: number; readonly end: End }[];
}

interface Run {
  readonly startMs: number;
  readonly end: End;
  readonly what: FakeReply | CallFailure;
}

/** What happened to one planned call. */
interface Trace {
  readonly plan: Plan;
  readonly call: Call;
  readonly runs: Run[];
  outcome: Reply | CallFailure | undefined;
}

const plans = fc.array(
  fc.record<Plan>({
    arrivesMs: fc.nat(4000),
    isSafe: fc.boolean(),
    hasLostBody: fc.boolean(),
    deadlineMs: fc.option(fc.nat(1000), { nil: undefined }),
    attempts: fc.array(
      fc.record({
        takesMs: fc.nat(200),
        end: fc.constantFrom(...(Object.keys(ends) as End[]), 'failed', 'stale', 'unsent'),
      }),
      { minLength: 1, maxLength: 8 },
    ),
  }),
  { minLength: 1, maxLength: 40 },
);

const worlds = fc.record({
  maxAttempts: fc.integer({ min: 1, max: 5 }),
  delayMs: fc.constantFrom(0, 50, 300),
  ratio: fc.constantFrom(0, 0.2, 1),
  minPerSecond: fc.constantFrom(0, 2, 20),
  /** While the circuit refuses. */
  refusesFromMs: fc.nat(4000),
  refusesForMs: fc.constantFrom(0, 500),
});

type World = typeof worlds extends fc.Arbitrary<infer Value> ? Value : never;

const WINDOW_MS = 1000;
const BUFFER_MS = 50;

async function play(world: World, planned: readonly Plan[]) {
  const clock = new FakeClock();
  const context = fakeContext(clock);
  const traces: Trace[] = [];
  const refuses = (ms: number) =>
    ms >= world.refusesFromMs && ms < world.refusesFromMs + world.refusesForMs;
  const next: CallStage = {
    run(call) {
      const { plan, runs } = traces.find((trace) => trace.call === call)!;
      const { takesMs, end } = plan.attempts[runs.length % plan.attempts.length]!;
      const what = ends[end].end();
      runs.push({ startMs: clock.now(), end, what });
      return new Promise((resolve, reject) => {
        clock.schedule(takesMs, () => {
          if (what instanceof Error) reject(what);
          else resolve(what);
        });
      });
    },
    refusal: () => (refuses(clock.now()) ? new CallError(reasons['circuit-open'], '') : undefined),
  };
  const { ratio, minPerSecond, maxAttempts, delayMs } = world;
  const layer = retry.create(
    {
      retry: {
        maxAttempts,
        methods: ['GET'],
        statuses: [503],
        grpc: 'unsent',
        grpcStatuses: [],
        backoff: {
          strategy: 'constant',
          baseDelay: delayMs,
          maxDelay: delayMs,
          multiplier: 1,
          jitter: 'none',
        },
        respectRetryAfter: true,
        maxRetryAfter: 0,
        ownRetryAfter: undefined,
        hints: false,
        budget: { ratio, minPerSecond, window: WINDOW_MS },
        bodyLimit: 0,
      },
      idempotency: 'off',
    },
    context,
  )!;
  const stage = layer.wrap(next);
  for (const plan of planned) {
    clock.schedule(plan.arrivesMs, () => {
      const body = plan.hasLostBody ? fakeBody('', { isReplayable: false }) : undefined;
      const call = fakeCall({ method: plan.isSafe ? 'GET' : 'POST', body });
      if (plan.deadlineMs !== undefined) {
        const atMs = clock.now() + plan.deadlineMs;
        const wallMs = FAKE_WALL_START_MS + atMs;
        call.deadline = { atMs, wallMs, source: 'header', callerAtMs: atMs, bufferMs: BUFFER_MS };
      }
      const trace: Trace = { plan, call, runs: [], outcome: undefined };
      traces.push(trace);
      stage.run(call).then(
        (reply) => (trace.outcome = reply),
        (error: CallFailure) => (trace.outcome = error),
      );
    });
  }
  await clock.advance(60_000);
  return { clock, traces, refuses, events: context.events };
}

/** The run after the first stale one, where that is free. */
function freeRun({ runs, plan }: Trace): number {
  return plan.isSafe ? runs.findIndex(({ end }) => end === 'stale') + 1 : 0;
}

/** Runs that count: all, without the one that replaced a stale connection. */
function countedAttempts(trace: Trace): number {
  const free = freeRun(trace);
  return trace.runs.length - (free > 0 && free < trace.runs.length ? 1 : 0);
}

t.test('keeps its promises to every call, whatever the upstream does', async (t) => {
  await fc.assert(
    fc.asyncProperty(worlds, plans, async (world, planned) => {
      const { clock, traces, refuses, events } = await play(world, planned);
      assert.equal(clock.pending, 0);
      let owedDenials = 0;
      for (const trace of traces) {
        const { plan, call, runs, outcome } = trace;
        const may = (end: End) => ends[end][plan.isSafe ? 'safe' : 'unsafe'];
        const last = runs.at(-1)!;
        assert.ok(countedAttempts(trace) <= world.maxAttempts, 'never more attempts than allowed');
        assert.equal(outcome, last.what, 'the last attempt is what the caller gets');
        for (const [i, { what }] of runs.entries()) {
          if (what instanceof Error) continue;
          assert.equal(
            what.isDiscarded,
            i < runs.length - 1,
            'all responses but the last are let go',
          );
        }
        for (const [i, { startMs }] of runs.entries()) {
          if (i === 0) continue;
          assert.ok(may(runs[i - 1]!.end), 'only what may be repeated is');
          assert.ok(!plan.hasLostBody, 'never without the body');
          assert.ok(!refuses(startMs), 'never against the circuit');
          const left = call.deadline === undefined ? Infinity : usableMs(call.deadline, startMs);
          assert.ok(left > 0, 'never past the deadline');
        }
        const isFailure = ends[last.end].safe;
        const hasAttemptsLeft = countedAttempts(trace) < world.maxAttempts;
        if (isFailure && hasAttemptsLeft) owedDenials += 1;
      }
      const denials = events.filter(({ type }) => type === 'retry-denied').length;
      assert.equal(denials, owedDenials, 'who stops early says why, once');
    }),
  );
  t.pass();
});

t.test('never exceeds its budget', async (t) => {
  await fc.assert(
    fc.asyncProperty(worlds, plans, async (world, planned) => {
      const { traces, refuses } = await play(world, planned);
      const deposits = traces
        .map(({ runs }) => runs[0]!.startMs)
        .filter((startMs) => !refuses(startMs));
      // Paid for when the back-off began.
      const withdrawals = traces.flatMap((trace) =>
        trace.runs
          .filter((_, i) => i > 0 && i !== freeRun(trace))
          .map(({ startMs }) => startMs - world.delayMs),
      );
      for (const nowMs of withdrawals) {
        const within = (list: readonly number[], spanMs: number) =>
          list.filter((ms) => ms <= nowMs && ms > nowMs - spanMs).length;
        // The window remembers between nine and ten tenths of its length.
        const spent = within(withdrawals, WINDOW_MS * 0.9);
        const allowed = world.ratio * within(deposits, WINDOW_MS) + world.minPerSecond;
        assert.ok(spent <= allowed, `${spent} retries where ${allowed} are allowed`);
      }
    }),
  );
  t.pass();
});
