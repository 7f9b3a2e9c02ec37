/** Work that a reload postpones: it is done after the grace time, or at the end of the process. */
import type { Clock } from '../core/clock.js';

export class LeftBehind {
  readonly #clock: Clock;
  readonly #pending = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs `run` once, `delayMs` from now or when the process ends. */
  after(delayMs: number, run: () => void): void {
    const once = (): void => {
      if (!this.#pending.delete(once)) return;
      timer.cancel();
      run();
    };
    this.#pending.add(once);
    const timer = this.#clock.schedule(delayMs, once);
  }

  /** The process ends. */
  runAll(): void {
    for (const run of this.#pending) run();
  }
}
