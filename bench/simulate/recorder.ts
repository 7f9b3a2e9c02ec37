/** What came of the calls of a simulation, phase by phase and caller by caller. */
import type { Reason } from '../../src/core/errors.js';

/** A stretch of the simulated time; a call belongs to each one that it began in. */
export interface Phase {
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** How a call ended; 499 for a caller that has given up. */
export interface Ending {
  readonly status: number;
  /** Empty for the upstream's own responses. */
  readonly reason: Reason;
  readonly tookMs: number;
}

export class Tally {
  offered = 0;
  /** Responded below 500 before the caller had enough. */
  good = 0;
  /** Responded 503 by this proxy itself: bulkhead, circuit, overload. */
  rejected = 0;
  /** Neither of them: the upstream's 5xx, timeouts, and callers that gave up. */
  failed = 0;
  /** The longest time that a call took, good or not, in ms. */
  slowestMs = 0;
  readonly reasons = new Map<string, number>();
  readonly #goodMs: number[] = [];
  readonly #seconds: number;

  constructor(seconds: number) {
    this.#seconds = seconds;
  }

  add({ status, reason, tookMs }: Ending): void {
    this.offered += 1;
    this.slowestMs = Math.max(this.slowestMs, tookMs);
    if (reason !== '') this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + 1);
    if (status < 499) {
      this.good += 1;
      this.#goodMs.push(tookMs);
    } else if (status === 503 && reason !== '') {
      this.rejected += 1;
    } else {
      this.failed += 1;
    }
  }

  get offeredPerSecond(): number {
    return this.offered / this.#seconds;
  }

  /** Good responses per second. */
  get goodput(): number {
    return this.good / this.#seconds;
  }

  get rejectedPerSecond(): number {
    return this.rejected / this.#seconds;
  }

  get failedPerSecond(): number {
    return this.failed / this.#seconds;
  }

  /** Of the good responses, in ms; NaN where there is none. @param share 0.99 for p99. */
  latencyMs(share: number): number {
    const sorted = this.#goodMs.toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
  }
}

export class Recorder {
  readonly #phases: readonly Phase[];
  readonly #all: readonly Tally[];
  readonly #byCaller: readonly Map<string, Tally>[];

  /** @param phases may overlap; what begins outside of them, such as a warm-up, is not counted. */
  constructor(phases: readonly Phase[]) {
    this.#phases = phases;
    this.#all = phases.map(openTally);
    this.#byCaller = phases.map(() => new Map());
  }

  record(caller: string, startedAtMs: number, ending: Ending): void {
    for (const [i, { fromMs, toMs }] of this.#phases.entries()) {
      if (startedAtMs < fromMs || startedAtMs >= toMs) continue;
      this.#all[i]!.add(ending);
      this.ofCaller(i, caller).add(ending);
    }
  }

  /** All callers together, in the phase of that number. */
  ofAll(phase: number): Tally {
    return this.#all[phase]!;
  }

  ofCaller(phase: number, caller: string): Tally {
    const tallies = this.#byCaller[phase]!;
    const tally = tallies.get(caller) ?? openTally(this.#phases[phase]!);
    tallies.set(caller, tally);
    return tally;
  }
}

function openTally({ fromMs, toMs }: Phase): Tally {
  return new Tally((toMs - fromMs) / 1000);
}
