/** How busy the event loop is, measured only while somebody asks for it. */
import { monitorEventLoopDelay, performance, type IntervalHistogram } from 'node:perf_hooks';

/** Between samples, in ms: a delay is shown up to this much too long or too short. */
const RESOLUTION_MS = 10;

/** In a shorter time, whatever asks for the reading makes the loop look busy. */
const LEAST_MS = 100;

export interface LoopReading {
  /** Share of the time since the reading before in which the loop was busy. */
  readonly busy: number;
  /** The longest delay since the reading before, in ms. */
  readonly delayMs: number;
}

export class LoopWatch {
  #histogram: IntervalHistogram | undefined;
  #before = performance.eventLoopUtilization();

  /** Begins or ends the measuring. */
  set isOn(isOn: boolean) {
    this.#histogram?.disable();
    this.#histogram = undefined;
    if (!isOn) return;
    this.#histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.#histogram.enable();
    this.#before = performance.eventLoopUtilization();
  }

  /** Undefined while it is off, and right after the reading before. */
  read(): LoopReading | undefined {
    if (this.#histogram === undefined) return undefined;
    const now = performance.eventLoopUtilization();
    const { utilization, active, idle } = performance.eventLoopUtilization(now, this.#before);
    if (active + idle < LEAST_MS) return undefined;
    const { max } = this.#histogram;
    this.#before = now;
    this.#histogram.reset();
    return { busy: utilization, delayMs: Math.max(0, max / 1e6 - RESOLUTION_MS) };
  }
}
