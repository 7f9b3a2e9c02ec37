/** Upstreams that a reload has removed. Their series stay for a while, so that Prometheus sees the last counts. */
import type { Clock } from '../../core/clock.js';

/** Longer than any usual interval between scrapes. */
const STAY_MS = 600_000;

export class Departed {
  readonly #clock: Clock;
  /** The first to go is the first. */
  readonly #goneAtMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** After a reload. One that is there again is as if it had never left. */
  note(known: Iterable<string>, present: ReadonlySet<string>): void {
    const nowMs = this.#clock.now();
    for (const upstream of known) {
      if (present.has(upstream)) this.#goneAtMs.delete(upstream);
      else if (!this.#goneAtMs.has(upstream)) this.#goneAtMs.set(upstream, nowMs);
    }
  }

  /** Forgets those whose time is over. */
  takeDue(): string[] {
    const dueMs = this.#clock.now() - STAY_MS;
    const due: string[] = [];
    for (const [upstream, goneAtMs] of this.#goneAtMs) {
      if (goneAtMs > dueMs) break;
      due.push(upstream);
      this.#goneAtMs.delete(upstream);
    }
    return due;
  }
}
