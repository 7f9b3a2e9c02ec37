/** How long an upstream that does not say so keeps connections that are idle: what it has done tells. */

/** Two times are the same habit if the shorter one is at least this share of the longer one. */
const ALIKE = 0.9;
/** Share of the time from which on a connection is not used: its end may be on the way. */
const MARGIN = 0.9;
/** A connection that is idle for so many times as long disproves the habit. */
const DISPROOF = 1.5;

/**
 * A request that is written while the other side closes the connection is lost, and one that must not be repeated has failed then.
 * Where the other side has closed two idle connections after the same time, connections that are idle for nearly as long are left
 * to it. One time is no habit: a restart closes all connections, whatever their age.
 */
export class IdleHabit {
  #lastMs = 0;
  #closesAfterMs = Infinity;

  /** The other side has closed a connection that was idle. @param idleMs for how long. */
  onClosed(idleMs: number): void {
    const shorter = Math.min(idleMs, this.#lastMs);
    const longer = Math.max(idleMs, this.#lastMs);
    this.#closesAfterMs = shorter > 0 && shorter >= longer * ALIKE ? shorter : Infinity;
    this.#lastMs = idleMs;
  }

  /** A connection that has been idle for so long is open. */
  onOpen(idleMs: number): void {
    if (idleMs > this.#closesAfterMs * DISPROOF) this.#closesAfterMs = Infinity;
  }

  /** Whether a connection that has been idle for so long may be closed at any moment. */
  isDue(idleMs: number): boolean {
    return idleMs >= this.#closesAfterMs * MARGIN;
  }
}
