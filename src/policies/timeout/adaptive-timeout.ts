/** Adaptive timeout: learns from an upstream's response times how long a try is worth waiting for. */
import type { AttemptLayer } from '../../core/pipeline.js';
import { isGoodAnswer, type Outcome } from '../../core/outcome.js';
import { SlidingPercentile } from '../../lib/sliding-percentile.js';
import type { AdaptiveTimeoutOptions } from './options.js';
import { reasons } from './reasons.js';

/** Products such as 100 x 1.1 come out a hair above the whole number that they are. */
const ROUNDING = 1e-9;

/**
 * The percentile of the last response times, times a factor, within bounds. A try that the learned timeout itself cut
 * off counts with that timeout: its answer would have come later still. So the timeout grows, by `multiplier` at a time,
 * until no more than the share beyond the percentile is cut off, and an upstream that has become slower for good is not
 * cut off for good.
 */
export class AdaptiveTimeout {
  #options: AdaptiveTimeoutOptions;
  #times: SlidingPercentile;
  #currentMs: number | undefined;

  constructor(options: AdaptiveTimeoutOptions) {
    this.#options = options;
    this.#times = new SlidingPercentile(options.percentile, options.window);
  }

  /** How long a first attempt may take now, in ms; undefined as long as too little is known. */
  get currentMs(): number | undefined {
    return this.#currentMs;
  }

  /** Goes on with what was learned, or, where the window is shorter now, with the latest of it. */
  configure(options: AdaptiveTimeoutOptions): void {
    this.#options = options;
    const known = this.#times;
    this.#times = new SlidingPercentile(options.percentile, options.window);
    for (const timeMs of known) this.#times.record(timeMs);
    this.#update();
  }

  /**
   * @param waitedMs what the try's attempt clock showed at its end, or at its answer's head; undefined where it stood
   *   still, because the client was still uploading.
   * @param limitMs what the learned timeout allowed the try; undefined where none was in force.
   */
  record(outcome: Outcome, waitedMs: number | undefined, limitMs: number | undefined): void {
    const timeMs = this.#sample(outcome, waitedMs, limitMs);
    if (timeMs === undefined) return;
    this.#times.record(timeMs);
    this.#update();
  }

  #sample(
    outcome: Outcome,
    waitedMs: number | undefined,
    limitMs: number | undefined,
  ): number | undefined {
    switch (outcome.kind) {
      case 'status':
        return isGoodAnswer(outcome) ? waitedMs : undefined;
      case 'unsent':
      case 'timeout':
        // Not where `attempt` as written cut it off: it cannot be too short because of anything learned here.
        return outcome.error.reason === reasons['timeout-attempt'].name ? limitMs : undefined;
      case 'deadline': {
        // Only a lower bound. One below the percentile is no news, and would draw it down towards hurried callers.
        const percentileMs = limitMs === undefined ? Infinity : (this.#times.value ?? Infinity);
        return waitedMs !== undefined && waitedMs > percentileMs ? waitedMs : undefined;
      }
      case 'stale':
      case 'reset':
      case 'cancelled':
      case 'refused':
        return undefined;
    }
  }

  #update(): void {
    const { multiplier, min, max, minSamples } = this.#options;
    const percentileMs = this.#times.value;
    this.#currentMs =
      percentileMs === undefined || this.#times.count < minSamples
        ? undefined
        : // Whole ms: fractions are hard to read, and timers have none.
          Math.min(max, Math.max(min, Math.ceil(percentileMs * multiplier - ROUNDING)));
  }
}

export interface TimeoutLayer extends AttemptLayer {
  /** How long a first attempt may take now, in ms; undefined where nothing bounds it. */
  readonly attemptMs: number | undefined;
  /** Undefined where `adaptive` is off. */
  readonly adaptive: AdaptiveTimeout | undefined;
}
