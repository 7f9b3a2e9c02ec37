/** A clock that stands still until a test moves it. */
import type { Clock, Timer } from '../../src/core/clock.js';

interface Entry {
  readonly atMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Wall time at the fake clock's start, so that deadlines can be written as instants. */
export const FAKE_WALL_START_MS = 1_800_000_000_000;

export class FakeClock implements Clock {
  #nowMs = 0;
  #order = 0;
  readonly #entries = new Set<Entry>();

  now(): number {
    return this.#nowMs;
  }

  wallNow(): number {
    return FAKE_WALL_START_MS + this.#nowMs;
  }

  schedule(delayMs: number, callback: () => void): Timer {
    return this.scheduleAt(this.#nowMs + delayMs, callback);
  }

  scheduleAt(atMs: number, callback: () => void): Timer {
    const entry = { atMs: Math.max(this.#nowMs, atMs), order: this.#order++, callback };
    this.#entries.add(entry);
    return { cancel: () => void this.#entries.delete(entry) };
  }

  /** At once: a turn has no end while the clock stands still. */
  atTurnEnd(task: () => void): void {
    task();
  }

  /** Timers that are still armed: 0 when nothing leaked. */
  get pending(): number {
    return this.#entries.size;
  }

  /** Lets time pass in which nothing can run, as behind a busy event loop; what falls due runs late, with `advance`. */
  stall(ms: number): void {
    this.#nowMs += ms;
  }

  /** Moves time, runs what falls due in order, and lets promises settle after each step. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settle();
    for (;;) {
      let next: Entry | undefined;
      for (const entry of this.#entries) {
        if (entry.atMs > endMs) continue;
        if (
          next === undefined ||
          entry.atMs < next.atMs ||
          (entry.atMs === next.atMs && entry.order < next.order)
        ) {
          next = entry;
        }
      }
      if (next === undefined) break;
      this.#entries.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
      await settle();
    }
    this.#nowMs = endMs;
  }
}

/** Lets every promise continuation that is due run. */
export async function settle(): Promise<void> {
  await new Promise<void>((resolve) => {
    setImmediate(resolve);
  });
}
