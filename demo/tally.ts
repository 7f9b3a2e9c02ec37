/** What the demo's client has seen, in memory that does not grow with the length of the run. */
import type { Report } from './client.js';

/** Neighbouring buckets differ by 2%. */
const STEP = Math.log(1.02);
const SHORTEST_MS = 0.1;

class Histogram {
  readonly #buckets = new Map<number, number>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  record(ms: number, count = 1): void {
    this.#add(Math.round(Math.log(Math.max(ms, SHORTEST_MS)) / STEP), count);
  }

  add(other: Histogram): void {
    for (const [bucket, count] of other.#buckets) this.#add(bucket, count);
  }

  /** In ms; undefined while empty. @param share 0..1. */
  quantile(share: number): number | undefined {
    let left = Math.ceil(share * this.#count);
    for (const [bucket, count] of [...this.#buckets].toSorted(([a], [b]) => a - b)) {
      left -= count;
      if (left <= 0) return Math.exp(bucket * STEP);
    }
    return undefined;
  }

  #add(bucket: number, count: number): void {
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + count);
    this.#count += count;
  }
}

/** Results of calls. */
export class Tally {
  readonly #all = new Histogram();
  readonly #failed = new Histogram();

  record(isSuccess: boolean, durationMs: number): void {
    this.#all.record(durationMs);
    if (!isSuccess) this.#failed.record(durationMs);
  }

  add(other: Tally): void {
    this.#all.add(other.#all);
    this.#failed.add(other.#failed);
  }

  get calls(): number {
    return this.#all.count;
  }

  /** 0..1; undefined without calls. */
  get successShare(): number | undefined {
    return this.calls === 0 ? undefined : 1 - this.#failed.count / this.calls;
  }

  /** Time until a response or a failure, in ms; undefined without calls. @param share 0..1. */
  quantile(share: number): number | undefined {
    return this.#all.quantile(share);
  }

  /** Time until a failure, in ms; undefined without failures. */
  failureQuantile(share: number): number | undefined {
    return this.#failed.quantile(share);
  }
}

/** How many seconds `recent` looks back. */
export const RECENT_SECONDS = 5;
/** From then on `recent` counts a call without a response as not successful: for its client it is a failure. */
export const OVERDUE_MS = 1000;

/** One way's results: over the whole run, by the phase in which a call began, and of late. */
export class WayRecord {
  readonly total = new Tally();
  readonly #byPhase = new Map<string, Tally>();
  /** By the second in which a call began. */
  readonly #bySecond = new Map<number, Tally>();
  /** Start times of the calls that have neither a response nor a failure yet. */
  readonly #waiting = new Map<Report, number>();

  get waiting(): number {
    return this.#waiting.size;
  }

  /** A call begins now. */
  begin(phase: string): Report {
    const startMs = performance.now();
    const report: Report = (isSuccess, durationMs) => {
      this.#waiting.delete(report);
      const ofPhase = entry(this.#byPhase, phase);
      const ofSecond = entry(this.#bySecond, secondOf(startMs));
      for (const tally of [this.total, ofPhase, ofSecond]) tally.record(isSuccess, durationMs);
    };
    this.#waiting.set(report, startMs);
    return report;
  }

  phase(name: string): Tally {
    return this.#byPhase.get(name) ?? new Tally();
  }

  /** Of the calls that began in the last seconds. */
  recent(): Tally {
    const sum = new Tally();
    const nowMs = performance.now();
    const firstSecond = secondOf(nowMs) - RECENT_SECONDS;
    for (const [second, tally] of this.#bySecond) {
      if (second < firstSecond) this.#bySecond.delete(second);
      else sum.add(tally);
    }
    for (const startMs of this.#waiting.values()) {
      const waitedMs = nowMs - startMs;
      if (secondOf(startMs) >= firstSecond && waitedMs >= OVERDUE_MS) sum.record(false, waitedMs);
    }
    return sum;
  }
}

const secondOf = (ms: number) => Math.floor(ms / 1000);

function entry<K>(tallies: Map<K, Tally>, key: K): Tally {
  const tally = tallies.get(key) ?? new Tally();
  tallies.set(key, tally);
  return tally;
}
