/** Clock and random numbers, passed in so that tests control them. */
import type { Timer } from '../lib/timer-wheel.js';

export type { Timer };

export interface Clock {
  /** Monotonic milliseconds from an arbitrary start: for intervals. */
  now(): number;
  /** Milliseconds since the Unix epoch: only to read and write instants that others understand. */
  wallNow(): number;
  /** Runs `callback` once, `delayMs` from now. */
  schedule(delayMs: number, callback: () => void): Timer;
  /** Runs `callback` once, at that monotonic instant in ms: for those who know it anyway, it saves a look at the clock. */
  scheduleAt(atMs: number, callback: () => void): Timer;
  /**
   * Runs `task` at the end of this turn of the event loop, when all that the sockets have brought in it has been handled.
   * For writes: peers that are woken once for all of them cost half of the system time of peers that are woken for each.
   */
  atTurnEnd(task: () => void): void;
}

/** Uniform in [0, 1). */
export type Random = () => number;
