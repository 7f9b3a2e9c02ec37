/** Time as an argument: what policies may know of it, and the one real implementation. */
import { TimerWheel } from '../lib/timer-wheel.js';

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

/** The process's own time. Each clock drives all of its timers with one of Node's. */
export function createSystemClock(): Clock {
  let timeout: NodeJS.Timeout | undefined;
  const wheel: TimerWheel = new TimerWheel({
    now: () => performance.now(),
    wakeIn(delayMs) {
      clearTimeout(timeout);
      timeout = setTimeout(() => wheel.wake(), delayMs);
    },
    setBusy(isBusy) {
      if (isBusy) timeout?.ref();
      else timeout?.unref();
    },
  });
  return {
    now: () => performance.now(),
    wallNow: () => Date.now(),
    schedule: (delayMs, callback) => wheel.schedule(delayMs, callback),
  };
}
