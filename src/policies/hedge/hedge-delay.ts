/** How long to wait for the response headers of an attempt before another one starts. */
import type { AttemptLayer } from '../../core/pipeline.js';
import { SlidingPercentile } from '../../lib/sliding-percentile.js';
import type { HedgeOptions } from './options.js';

/** Before so many response times are known, their percentile says little. */
const ENOUGH = 100;

/** How many of the last response times count. */
const WINDOW = 1000;

export class HedgeDelay {
  #afterMs: number;
  #times: SlidingPercentile;

  constructor({ after, percentile }: HedgeOptions) {
    this.#afterMs = after;
    this.#times = new SlidingPercentile(percentile, WINDOW);
  }

  /** In ms. */
  get currentMs(): number {
    return this.#isLearned ? Math.max(this.#afterMs, this.#times.value!) : this.#afterMs;
  }

  /** Keeps the response times. */
  configure({ after, percentile }: HedgeOptions): void {
    this.#afterMs = after;
    const known = this.#times;
    this.#times = new SlidingPercentile(percentile, WINDOW);
    for (const timeMs of known) this.#times.record(timeMs);
  }

  /** @param timeMs from the start of an attempt to the headers of its good response. */
  record(timeMs: number): void {
    this.#times.record(timeMs);
  }

  /**
   * An attempt was ended because another one was faster. Its time would have been `waitedMs` or more, so it counts with
   * that: without it the percentile would fall, because the slow times would be missing; with more it would rise as long
   * as an endpoint hangs.
   * @param waitedMs the wait after which the other attempt started.
   */
  recordOutrun(waitedMs: number): void {
    if (this.#isLearned) this.#times.record(waitedMs);
  }

  get #isLearned(): boolean {
    return this.#times.count >= ENOUGH;
  }
}

export interface HedgeLayer extends AttemptLayer {
  readonly delay: HedgeDelay;
}
