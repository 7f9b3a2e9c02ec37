/** How late the event loop is: how long a call that comes now has to wait before it is looked at. */
import type { Clock, Timer } from '../../core/clock.js';

/** Between samples. A stall is seen shorter than it is by up to this. */
export const SAMPLE_MS = 10;

/** Between readings. */
export const LOOK_MS = 250;

/**
 * Arms a short timer again and again, and tells every `LOOK_MS` by how much it was late, in ms. Each lateness is weighed
 * by the time that it covers: while the loop hangs there is one sample where there should be many, so a plain mean (or a
 * percentile) of samples would hardly show the very stall into which most calls fall. A reading covers the time since the
 * one before and nothing else, so it is good again as soon as the loop is.
 * @returns a handle that ends it.
 */
export function watchLoopDelay(clock: Clock, onReading: (delayMs: number) => void): Timer {
  let lastMs = clock.now();
  let coveredMs = 0;
  let weightedMs = 0;

  const sample = (): void => {
    const nowMs = clock.now();
    const spanMs = nowMs - lastMs;
    lastMs = nowMs;
    coveredMs += spanMs;
    weightedMs += spanMs * Math.max(0, spanMs - SAMPLE_MS);
    timer = clock.schedule(SAMPLE_MS, sample);
    if (coveredMs < LOOK_MS) return;
    const delayMs = weightedMs / coveredMs;
    coveredMs = 0;
    weightedMs = 0;
    onReading(delayMs);
  };

  let timer = clock.schedule(SAMPLE_MS, sample);
  return { cancel: () => timer.cancel() };
}
