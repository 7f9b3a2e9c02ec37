/** How long a collector that fails is left alone: longer with each failure in a row, and at least as long as it asks for. */
import type { Clock, Random } from '../../core/clock.js';

const FIRST_MS = 500;
const LONGEST_MS = 5000;

/** Longest time that a collector may ask for, in ms. */
const MAX_ASKED_MS = 60_000;

export class Patience {
  readonly #clock: Clock;
  readonly #random: Random;
  /** In a row. */
  #failures = 0;
  /** When the next request may begin, in monotonic ms. */
  #resumeMs = -Infinity;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  get failures(): number {
    return this.#failures;
  }

  get resumeMs(): number {
    return this.#resumeMs;
  }

  /** Another collector has taken its place. */
  forget(): void {
    this.#failures = 0;
    this.#resumeMs = -Infinity;
  }

  onSuccess(): void {
    this.#failures = 0;
  }

  /** @param before the failures in a row when the request began. @param askedMs by the collector; 0 where it does not. */
  onFailure(before: number, askedMs: number): void {
    // Requests that were under way together fail together, once.
    if (before >= this.#failures) this.#failures += 1;
    const backoffMs = Math.min(FIRST_MS * 2 ** (this.#failures - 1), LONGEST_MS);
    const delayMs = Math.max(
      backoffMs * (0.8 + 0.4 * this.#random()),
      Math.min(askedMs, MAX_ASKED_MS),
    );
    this.#resumeMs = Math.max(this.#resumeMs, this.#clock.now() + delayMs);
  }
}
