/** A line each time a collector fails or works again, and not one per request. */
import type { Clock } from '../../core/clock.js';
import type { Logger } from './logger.js';

/** A collector that fails and works in turns has no more than two lines in this time, in ms. */
const PAUSE_MS = 10_000;

/** @returns the function to call with the outcome of each request: why it went wrong, or undefined. */
export function createCollectorLog(
  logger: Logger,
  clock: Clock,
): (endpoint: string, why: string | undefined) => void {
  /** Of the last line about a failure, as long as it stands. */
  let isTold = false;
  let toldMs = -Infinity;
  return (endpoint, why) => {
    if ((why === undefined) !== isTold) return;
    if (why === undefined) {
      isTold = false;
      logger.info({ endpoint }, `spans are sent to ${endpoint} again`);
      return;
    }
    if (clock.now() - toldMs < PAUSE_MS) return;
    isTold = true;
    toldMs = clock.now();
    logger.warn({ endpoint, error: why }, `Cannot send spans to ${endpoint} because ${why}`);
  };
}
