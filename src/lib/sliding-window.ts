/** Counts of recent events: a ring of clock-aged buckets (the idea of resilience4j's time-based window). */

const BUCKETS = 10;

export interface WindowCounts {
  readonly total: number;
  readonly failures: number;
  readonly slow: number;
}

class Tally implements WindowCounts {
  total = 0;
  failures = 0;
  slow = 0;
}

/**
 * Remembers between nine and ten tenths of `windowMs`: a bucket leaves as a whole, so no record is counted longer than
 * the window. `nowMs` is monotonic; sums are kept up to date, so that neither recording nor reading walks the ring.
 */
export class SlidingWindow {
  readonly #bucketMs: number;
  readonly #buckets: readonly Tally[] = Array.from({ length: BUCKETS }, () => new Tally());
  readonly #sum = new Tally();
  /** Number of the newest bucket, counted from the clock's zero. */
  #newest = 0;

  constructor(windowMs: number) {
    // A window of no length still needs buckets that time can pass through.
    this.#bucketMs = Math.max(windowMs / BUCKETS, 1);
  }

  record(nowMs: number, isFailure: boolean, isSlow: boolean): void {
    this.#age(nowMs);
    const bucket = this.#buckets[this.#newest % BUCKETS]!;
    bucket.total++;
    this.#sum.total++;
    if (isFailure) {
      bucket.failures++;
      this.#sum.failures++;
    }
    if (isSlow) {
      bucket.slow++;
      this.#sum.slow++;
    }
  }

  /** A live view: valid until the next call of any method. */
  counts(nowMs: number): WindowCounts {
    this.#age(nowMs);
    return this.#sum;
  }

  clear(): void {
    for (const bucket of this.#buckets) this.#drop(bucket);
  }

  /** Empties the buckets that time has passed over since the last look; after a long gap, each of them once. */
  #age(nowMs: number): void {
    const newest = Math.floor(nowMs / this.#bucketMs);
    const oldestKept = newest - BUCKETS;
    for (let i = Math.max(this.#newest, oldestKept) + 1; i <= newest; i++) {
      this.#drop(this.#buckets[i % BUCKETS]!);
    }
    if (newest > this.#newest) this.#newest = newest;
  }

  #drop(bucket: Tally): void {
    this.#sum.total -= bucket.total;
    this.#sum.failures -= bucket.failures;
    this.#sum.slow -= bucket.slow;
    bucket.total = bucket.failures = bucket.slow = 0;
  }
}
