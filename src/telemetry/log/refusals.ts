/** Lines about requests that were refused before any policy saw them. */
import type { Clock } from '../../core/clock.js';
import type { Logger } from './logger.js';

const LINES_PER_SECOND = 10;

/** A flood of broken requests must not become a flood of lines: those left out are counted in the next one. */
export function createRefusalLog(
  logger: Logger,
  clock: Clock,
): (status: number, why: string) => void {
  let windowEndsMs = -Infinity;
  let written = 0;
  let leftOut = 0;
  return (status, why) => {
    const nowMs = clock.now();
    if (nowMs >= windowEndsMs) {
      windowEndsMs = nowMs + 1000;
      written = 0;
    }
    if (written === LINES_PER_SECOND) {
      leftOut += 1;
      return;
    }
    written += 1;
    const omitted = leftOut === 0 ? undefined : leftOut;
    leftOut = 0;
    logger.warn({ status, omitted }, `refused a request with ${status} because ${why}`);
  };
}
