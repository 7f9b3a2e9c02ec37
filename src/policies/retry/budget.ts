/** Keeps retries a share of the traffic, so that they cannot turn a slow upstream into a dead one. */
import type { Clock } from '../../core/clock.js';
import type { CallLayer } from '../../core/pipeline.js';
import { SlidingWindow } from '../../lib/sliding-window.js';

/** Under their names in the file; the ratio as a share, the window in ms. */
export interface RetryBudgetOptions {
  readonly ratio: number;
  readonly minPerSecond: number;
  readonly window: number;
}

/** Sums such as 0.57 x 100 come out a hair below the whole number that they are. */
const ROUNDING = 1e-9;

/**
 * Each first attempt deposits `ratio`, each retry withdraws 1, and `minPerSecond` x window is there in any case; what has
 * left the window counts for nothing (Finagle's RetryBudget). First attempts are counted rather than calls under way,
 * whose number shrinks with those that wait in back-off.
 */
export class RetryBudget {
  #options: RetryBudgetOptions;
  readonly #clock: Clock;
  #firstAttempts: SlidingWindow;
  #retries: SlidingWindow;

  constructor(options: RetryBudgetOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    this.#firstAttempts = new SlidingWindow(options.window);
    this.#retries = new SlidingWindow(options.window);
  }

  /** Goes on with what was counted; only a window of another length starts from nothing. */
  configure(options: RetryBudgetOptions): void {
    if (options.window !== this.#options.window) {
      this.#firstAttempts = new SlidingWindow(options.window);
      this.#retries = new SlidingWindow(options.window);
    }
    this.#options = options;
  }

  /** Counts a first attempt. */
  deposit(): void {
    this.#firstAttempts.record(this.#clock.now(), false, false);
  }

  /** Pays for one retry. @returns false, and takes nothing, when the budget does not allow it. */
  tryWithdraw(): boolean {
    if (this.remaining() < 1) return false;
    this.#retries.record(this.#clock.now(), false, false);
    return true;
  }

  /** Retries that are allowed right now: a whole number, 0 or more. */
  remaining(): number {
    const { ratio, minPerSecond, window } = this.#options;
    const nowMs = this.#clock.now();
    const earned = ratio * this.#firstAttempts.counts(nowMs).total;
    const floor = (minPerSecond * window) / 1000;
    const spent = this.#retries.counts(nowMs).total;
    return Math.max(0, Math.floor(earned + floor - spent + ROUNDING));
  }
}

export interface RetryLayer extends CallLayer {
  /** Undefined when the budget is off. */
  readonly budget: RetryBudget | undefined;
}
