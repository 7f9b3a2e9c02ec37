/** How late the event loop is: how long a new call waits before it is handled. */
import type { Clock, Timer } from '../../core/clock.js';

/** Between samples, in ms. A stall is measured up to this much too short. */
export const SAMPLE_MS = 10;

/** Between readings, in ms. */
export const LOOK_MS = 250;

/**
 * Arms a short timer again and again, and reports every `LOOK_MS` how late it was, in ms. Each delay is weighted by the
 * time that it covers: while the loop hangs, there is one sample instead of many, so a plain mean (or a percentile) of
 * samples would hardly show the stall that most calls meet. A reading covers only the time since the previous one, so it
 * falls as soon as the loop recovers.
 * @returns a handle that stops it.
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
