import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import { CallError } from '../../../src/core/errors.js';
import type { CircuitStateName } from '../../../src/policies/circuit-breaker/states.js';
import { circuitBreaker as policy } from '../../../src/policies/circuit-breaker/index.js';
import { fakeAttempt, fakeCall, fakeContext } from '../../support/fake-call.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { clientGone, FakeStage, type FakeRun } from '../../support/fake-stage.js';

const WINDOW_MS = 1000;
const options = {
  mode: 'enforce' as const,
  scope: 'upstream' as const,
  shared: false,
  failureThreshold: 4,
  failureRate: { threshold: 0.5, window: WINDOW_MS, minimumCalls: 6 },
  slowCall: 'off' as const,
  recoveryTimeout: 300,
  recoveryMultiplier: 2,
  maxRecoveryTimeout: 1000,
  halfOpenMaxCalls: 2,
  successThreshold: 2,
  failureStatuses: [503],
  failureGrpcStatuses: [],
  minimumTimeout: 100,
};

type Verdict = 'success' | 'failure' | 'neutral';

/** The same machine in its simplest form: it remembers everything, and names each state's stay by a number. */
class Model {
  state: CircuitStateName = 'closed';
  stay = 0;
  /** Of first attempts. */
  results: { bucket: number; verdict: Verdict }[] = [];
  inRow = 0;
  successes = 0;
  openings = 0;
  untilMs = 0;
  /** Probes without a response yet, by the stay that admitted them. */
  readonly probes = new Map<number, number>();

  #move(to: CircuitStateName): void {
    this.state = to;
    this.stay++;
  }

  age(nowMs: number): void {
    if (this.state === 'open' && nowMs >= this.untilMs) {
      this.successes = 0;
      this.#move('half-open');
    } else if (this.state.startsWith('forced') && nowMs >= this.untilMs) {
      this.#close();
    }
  }

  admits(): boolean {
    if (this.state === 'half-open') return (this.probes.get(this.stay) ?? 0) < 2;
    return this.state === 'closed' || this.state === 'forced-closed';
  }

  start(): number {
    this.probes.set(this.stay, (this.probes.get(this.stay) ?? 0) + 1);
    return this.stay;
  }

  finish(stay: number, isFirst: boolean, verdict: Verdict, nowMs: number): void {
    this.probes.set(stay, this.probes.get(stay)! - 1);
    if (stay !== this.stay || verdict === 'neutral' || this.state === 'forced-closed') return;
    const bucket = Math.floor(nowMs / (WINDOW_MS / 10));
    if (isFirst) this.results.push({ bucket, verdict });
    this.inRow = verdict === 'failure' ? this.inRow + 1 : 0;
    if (this.state === 'half-open') {
      if (verdict === 'failure') this.#open(nowMs);
      else if (++this.successes === 2) this.#close();
      return;
    }
    const live = this.results.filter((result) => result.bucket > bucket - 10);
    const failures = live.filter((result) => result.verdict === 'failure').length;
    if (this.inRow >= 4 || (live.length >= 6 && failures * 2 >= live.length)) this.#open(nowMs);
  }

  force(to: 'forced-open' | 'forced-closed' | 'auto', untilMs: number): void {
    if (to === 'auto') {
      if (this.state.startsWith('forced')) this.#close();
      return;
    }
    this.untilMs = untilMs;
    this.openings = 0;
    if (this.state !== to) this.#move(to);
  }

  #open(nowMs: number): void {
    this.untilMs = nowMs + Math.min(300 * 2 ** this.openings++, 1000);
    this.#move('open');
  }

  #close(): void {
    this.results = [];
    this.inRow = 0;
    this.openings = 0;
    this.#move('closed');
  }
}

const pick = fc.nat(9);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('start' as const), isFirst: fc.boolean() }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('failure' as const, 'success' as const, 'neutral' as const),
      pick,
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(400) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('force' as const),
      to: fc.constantFrom('forced-open' as const, 'forced-closed' as const, 'auto' as const),
      ttlMs: fc.nat(500),
    }),
  },
);

function end(run: FakeRun, verdict: Verdict): void {
  if (verdict === 'success') run.respond({ isComplete: true });
  else if (verdict === 'failure') run.fail(new CallError('upstream-reset', 'Cannot'));
  else run.fail(clientGone());
}

t.test('moves as a model that remembers everything', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 120 }), async (steps) => {
      const clock = new FakeClock();
      const next = new FakeStage();
      const layer = policy.create({ circuitBreaker: options }, fakeContext(clock))!;
      const stage = layer.wrap(next);
      const { circuit } = layer;
      const model = new Model();
      const underWay: { run: FakeRun; stay: number; isFirst: boolean }[] = [];

      for (const step of steps) {
        model.age(clock.now());
        if (step.do === 'start') {
          assert.equal(stage.refusal(fakeCall()) === undefined, model.admits());
          const sent = next.runs.length;
          const call = fakeCall();
          if (!step.isFirst) fakeAttempt(call);
          stage.run(fakeAttempt(call)).catch(() => {});
          assert.equal(next.runs.length > sent, model.admits());
          if (model.admits()) {
            underWay.push({ run: next.last, stay: model.start(), isFirst: step.isFirst });
          }
        } else if (step.do === 'wait') {
          await clock.advance(step.ms);
        } else if (step.do === 'force') {
          circuit.force(step.to, step.ttlMs);
          model.force(step.to, clock.now() + step.ttlMs);
        } else if (underWay.length > 0) {
          const [{ run, stay, isFirst }] = underWay.splice(step.pick % underWay.length, 1) as [
            (typeof underWay)[number],
          ];
          end(run, step.do);
          await settle();
          model.finish(stay, isFirst, step.do, clock.now());
        }
        model.age(clock.now());
        const { state, consecutiveFailures, retryAfterMs } = circuit.snapshot();
        assert.equal(state, model.state);
        assert.equal(consecutiveFailures, model.inRow);
        const refuses = state === 'open' || state === 'forced-open';
        assert.equal(retryAfterMs, refuses ? model.untilMs - clock.now() : 0);
      }
    }),
    { numRuns: 300 },
  );
  t.pass();
});
