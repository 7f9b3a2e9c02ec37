/** Time as an argument: what policies may know of it, and the one real implementation. */

/** A scheduled callback that has not run yet. */
export interface Timer {
  /** Drops the callback; does nothing when it has run or was dropped before. */
  cancel(): void;
}

export interface Clock {
  /** Monotonic milliseconds from an arbitrary start: for intervals. */
  now(): number;
  /** Milliseconds since the Unix epoch: only to read and write instants that others understand. */
  wallNow(): number;
  /** Runs `callback` once, `delayMs` from now. */
  schedule(delayMs: number, callback: () => void): Timer;
}

/** Uniform in [0, 1). */
export type Random = () => number;

/** Longest delay that Node's timers take; a longer one fires at once (Node documentation, `setTimeout`). */
const MAX_DELAY_MS = 2 ** 31 - 1;

class SystemTimer implements Timer {
  readonly #timeout: NodeJS.Timeout;

  constructor(delayMs: number, callback: () => void) {
    this.#timeout = setTimeout(callback, Math.min(delayMs, MAX_DELAY_MS));
  }

  cancel(): void {
    clearTimeout(this.#timeout);
  }
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  schedule: (delayMs, callback) => new SystemTimer(delayMs, callback),
};
