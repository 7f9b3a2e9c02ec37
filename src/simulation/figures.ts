/** What came of the calls of a simulation: by phase for the tables, and by short stretches of time for the picture. */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { CallError } from '../core/errors.js';
import type { ExchangeSummary } from '../core/events.js';
import type { Span } from './traffic.js';

export interface Phase extends Span {
  readonly name: string;
}

/** Of the calls that began in the phase; `upstreamCalls` are the attempts that were directed to the upstream in it. */
export interface PhaseFigures extends Phase {
  readonly offered: number;
  /** The upstream responded, with a status below 500. */
  readonly good: number;
  /** A fallback responded in its place. */
  readonly degraded: number;
  /** Breakwater ended the call without the upstream's part: how often, by reason. */
  readonly refused: Readonly<Record<string, number>>;
  /** Everything else: the upstream's 5xx, timeouts, broken connections. */
  readonly failed: number;
  /** Of good and degraded calls; null where there is none. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** Of all calls: a refused one has none. */
  readonly attemptsPerCall: number;
  readonly upstreamCalls: number;
}

export interface CountedPhase {
  readonly figures: PhaseFigures;
  /** Why failed calls failed: a reason, or the upstream's status. */
  readonly failures: Readonly<Record<string, number>>;
  /** Calls that policies in shadow would have refused, by reason; they went on. */
  readonly shadow: Readonly<Record<string, number>>;
  /** The same calls, each counted once. */
  readonly inShadow: number;
}

const MICROSECONDS = 1000;
/** Longest duration that is told apart: an hour, in microseconds. */
const LONGEST = 3_600_000_000;

type Ending = 'good' | 'degraded' | 'refused' | 'failed';

function endingOf({ status, attempts, substitution, error }: ExchangeSummary): Ending {
  if (substitution !== undefined && error === undefined) return 'degraded';
  if (error instanceof CallError) {
    return attempts === 0 || error.outcome === undefined ? 'refused' : 'failed';
  }
  return error === undefined && status < 499 ? 'good' : 'failed';
}

/** Counts in bounded memory, however many calls there are. */
export class Tally {
  offered = 0;
  attempts = 0;
  upstreamCalls = 0;
  readonly counts: Record<Ending, number> = { good: 0, degraded: 0, refused: 0, failed: 0 };
  readonly refused = new Map<string, number>();
  readonly failures = new Map<string, number>();
  readonly shadow = new Map<string, number>();
  inShadow = 0;
  readonly #latencies: RecordableHistogram;

  /** @param figures significant ones of latencies. */
  constructor(figures: number) {
    this.#latencies = createHistogram({ lowest: 1, highest: LONGEST, figures });
  }

  add(summary: ExchangeSummary): void {
    const { attempts, reason, status, durationMs, shadow } = summary;
    const ending = endingOf(summary);
    this.offered += 1;
    this.attempts += attempts;
    this.counts[ending] += 1;
    if (ending === 'refused') increase(this.refused, reason);
    if (ending === 'failed') increase(this.failures, reason === '' ? `status ${status}` : reason);
    if (shadow.length > 0) this.inShadow += 1;
    for (const each of shadow) increase(this.shadow, each);
    if (ending !== 'good' && ending !== 'degraded') return;
    const microseconds = Math.max(1, Math.round(durationMs * MICROSECONDS));
    this.#latencies.record(Math.min(LONGEST, microseconds));
  }

  /** Of good and degraded calls, in ms. @param percentile 99 for p99. */
  latencyMs(percentile: number): number | null {
    if (this.#latencies.count === 0) return null;
    return Number((this.#latencies.percentile(percentile) / MICROSECONDS).toFixed(1));
  }
}

const increase = (counts: Map<string, number>, name: string) =>
  counts.set(name, (counts.get(name) ?? 0) + 1);

/** Most first. */
const sorted = (counts: ReadonlyMap<string, number>) =>
  Object.fromEntries([...counts].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)));

/** What is seen of the circuits at one time, by the route; the upstream's own is that of ''. */
export type CircuitStates = ReadonlyMap<string, string>;

export class Figures {
  readonly phases: readonly Phase[];
  /** Equal parts of the whole time. */
  readonly stretches: readonly Tally[];
  /** At the end of each stretch. */
  readonly circuits: CircuitStates[] = [];
  readonly #tallies: readonly Tally[];
  readonly #endMs: number;

  /** @param phases one follows the other, from 0 on. */
  constructor(phases: readonly Phase[], stretches: number) {
    this.phases = phases;
    this.#tallies = phases.map(() => new Tally(3));
    this.#endMs = phases.at(-1)!.toMs;
    this.stretches = Array.from({ length: stretches }, () => new Tally(2));
  }

  get stretchMs(): number {
    return this.#endMs / this.stretches.length;
  }

  addCall(summary: ExchangeSummary, nowMs: number): void {
    const beganMs = nowMs - summary.durationMs;
    this.#phaseAt(beganMs).add(summary);
    this.#stretchAt(beganMs).add(summary);
  }

  /** An attempt is directed to the upstream. Those after the end belong to calls that began before it. */
  addAttempt(nowMs: number): void {
    this.#phaseAt(nowMs).upstreamCalls += 1;
    this.#stretchAt(nowMs).upstreamCalls += 1;
  }

  list(): CountedPhase[] {
    return this.phases.map((phase, i) => {
      const tally = this.#tallies[i]!;
      const { offered, counts, attempts, upstreamCalls } = tally;
      const figures = {
        ...phase,
        offered,
        good: counts.good,
        degraded: counts.degraded,
        refused: sorted(tally.refused),
        failed: counts.failed,
        p50Ms: tally.latencyMs(50),
        p99Ms: tally.latencyMs(99),
        attemptsPerCall: offered === 0 ? 0 : Number((attempts / offered).toFixed(3)),
        upstreamCalls,
      };
      const { inShadow } = tally;
      return { figures, failures: sorted(tally.failures), shadow: sorted(tally.shadow), inShadow };
    });
  }

  #phaseAt(ms: number): Tally {
    const index = this.phases.findIndex(({ toMs }) => ms < toMs);
    return this.#tallies.at(index)!;
  }

  #stretchAt(ms: number): Tally {
    const index = Math.floor(ms / this.stretchMs);
    return this.stretches[Math.max(0, Math.min(index, this.stretches.length - 1))]!;
  }
}
