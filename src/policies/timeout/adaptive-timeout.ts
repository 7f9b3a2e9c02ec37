/** Adaptive timeout: learns from an upstream's response times how long to wait for an attempt. */
import type { AttemptLayer } from '../../core/pipeline.js';
import { isGoodResponse, type Outcome } from '../../core/outcome.js';
import { SlidingPercentile } from '../../lib/sliding-percentile.js';
import type { AdaptiveTimeoutOptions } from './options.js';
import { reasons } from './reasons.js';

/** Products such as 100 x 1.1 are slightly above the whole number because of rounding. */
const ROUNDING = 1e-9;

/**
 * The percentile of the last response times, times a factor, within bounds. An attempt that the learned timeout ended
 * counts with that timeout, because its response would have come later. So the timeout grows by `multiplier` at a time
 * until it ends no more attempts than the share above the percentile. An upstream that has become slower for good can
 * recover that way.
 */
export class AdaptiveTimeout {
  #options: AdaptiveTimeoutOptions;
  #times: SlidingPercentile;
  #currentMs: number | undefined;

  constructor(options: AdaptiveTimeoutOptions) {
    this.#options = options;
    this.#times = new SlidingPercentile(options.percentile, options.window);
  }

  /** How long a first attempt may take now, in ms; undefined until there are enough response times. */
  get currentMs(): number | undefined {
    return this.#currentMs;
  }

  /** Keeps the response times; if the window is shorter now, only the latest. */
  configure(options: AdaptiveTimeoutOptions): void {
    this.#options = options;
    const known = this.#times;
    this.#times = new SlidingPercentile(options.percentile, options.window);
    for (const timeMs of known) this.#times.record(timeMs);
    this.#update();
  }

  /**
   * @param outcome undefined for a response that has begun and says only at its end how it went.
   * @param waitedMs time on the attempt clock at the head of the response, or at the end of the attempt; undefined if the
   *   clock did not run because the client was still uploading.
   * @param limitMs the learned timeout of the attempt; undefined if there was none.
   */
  record(
    outcome: Outcome | undefined,
    waitedMs: number | undefined,
    limitMs: number | undefined,
  ): void {
    const timeMs = this.#sample(outcome, waitedMs, limitMs);
    if (timeMs === undefined) return;
    this.#times.record(timeMs);
    this.#update();
  }

  /** The learned timeout ended the attempt, or would have: its response would have come later. */
  recordCut(limitMs: number): void {
    this.#times.record(limitMs);
    this.#update();
  }

  #sample(
    outcome: Outcome | undefined,
    waitedMs: number | undefined,
    limitMs: number | undefined,
  ): number | undefined {
    switch (outcome?.kind) {
      case undefined:
      case 'status':
      case 'grpc':
        return isGoodResponse(outcome) ? waitedMs : undefined;
      case 'unsent':
      case 'timeout':
        // Not if the configured `attempt` ended it: the learned timeout was not too short then.
        return outcome.error.reason === reasons['timeout-attempt'].name ? limitMs : undefined;
      case 'deadline': {
        // Only a lower bound. Below the percentile it says nothing, and would lower the timeout because of callers with short deadlines.
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
        : // Whole ms, as timers and readers expect.
          Math.min(max, Math.max(min, Math.ceil(percentileMs * multiplier - ROUNDING)));
  }
}

export interface TimeoutLayer extends AttemptLayer {
  /** How long a first attempt may take now, in ms; undefined if it has no limit. */
  readonly attemptMs: number | undefined;
  /** Undefined where `adaptive` is off. In shadow, what it has learned is not in force. */
  readonly adaptive: AdaptiveTimeout | undefined;
}
