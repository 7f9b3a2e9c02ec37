/** Lines about requests that were refused before any policy saw them, and about connections closed because of their client. */
import type { Clock } from '../../core/clock.js';
import type { Logger } from './logger.js';

const LINES_PER_SECOND = 10;

/** A flood of broken requests must not become a flood of lines: those left out are counted in the next one. */
export function createRefusalLog(
  logger: Logger,
  clock: Clock,
): (status: number, why: string) => void {
  const limit = new LineLimit(clock);
  return (status, why) => {
    if (!limit.takeLine()) return;
    const omitted = limit.takeOmitted();
    logger.warn({ status, omitted }, `refused a request with ${status} because ${why}`);
  };
}

/** As for refused requests. */
export function createCloseLog(
  logger: Logger,
  clock: Clock,
): (reason: string, why: string) => void {
  const limit = new LineLimit(clock);
  return (reason, why) => {
    if (!limit.takeLine()) return;
    const omitted = limit.takeOmitted();
    logger.warn({ reason, omitted }, `closed a client's connection because ${why}`);
  };
}

class LineLimit {
  readonly #clock: Clock;
  #windowEndsMs = -Infinity;
  #written = 0;
  #omitted = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns false for a line that is to be left out. */
  takeLine(): boolean {
    const nowMs = this.#clock.now();
    if (nowMs >= this.#windowEndsMs) {
      this.#windowEndsMs = nowMs + 1000;
      this.#written = 0;
    }
    if (this.#written === LINES_PER_SECOND) {
      this.#omitted += 1;
      return false;
    }
    this.#written += 1;
    return true;
  }

  /** How many were left out since the last line; undefined for none. */
  takeOmitted(): number | undefined {
    const omitted = this.#omitted === 0 ? undefined : this.#omitted;
    this.#omitted = 0;
    return omitted;
  }
}
