/**
 * A limit of the lines for refused calls. An open circuit may refuse many calls per second. A line for each would cost more
 * than the refusal, and all lines would be alike. Beyond the limit, lines are only counted, and the next line has the number
 * of those left out.
 */
import type { Clock } from '../../core/clock.js';

export class RefusalLines {
  readonly #clock: Clock;
  /** Lines of a window. */
  readonly #most: number;
  readonly #windowMs: number;
  #windowEndMs = -Infinity;
  #written = 0;
  #leftOut = 0;

  /** @param perSecond Infinity: no limit. */
  constructor(perSecond: number, clock: Clock) {
    this.#clock = clock;
    // A second for a whole number; longer for less than one line per second.
    this.#most = Math.max(1, Math.floor(perSecond));
    this.#windowMs = perSecond === Infinity ? 0 : (this.#most / perSecond) * 1000;
  }

  /** @returns how many lines were left out before this one, or undefined if this line is left out. */
  admit(): number | undefined {
    const nowMs = this.#clock.now();
    if (nowMs >= this.#windowEndMs) {
      this.#windowEndMs = nowMs + this.#windowMs;
      this.#written = 0;
    }
    if (this.#written >= this.#most) {
      this.#leftOut += 1;
      return undefined;
    }
    this.#written += 1;
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    return leftOut;
  }
}
