/** A line if this process is out of descriptors, ports or memory. The number of lines is limited, because every call fails then. */
import type { Clock } from '../../core/clock.js';
import type { Logger } from './logger.js';

/** Between two lines, in ms. */
const PAUSE_MS = 10_000;

/** @returns the function to call for each failure. */
export function logShortage(logger: Logger, clock: Clock): (message: string) => void {
  let nextMs = -Infinity;
  return (message) => {
    const nowMs = clock.now();
    if (nowMs < nextMs) return;
    nextMs = nowMs + PAUSE_MS;
    logger.warn(message);
  };
}
