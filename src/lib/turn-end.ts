/** Work that is put off to the end of the current turn of the event loop, so that it is done in one go. */

/**
 * A turn handles all that the sockets have brought, and ends with libuv's check phase. What runs there runs before the
 * process waits for the sockets again: it is late by the rest of the turn only.
 */
export class TurnEnd {
  readonly #schedule: (callback: () => void) => void;
  #tasks: (() => void)[] = [];
  /** Emptied, for the next turn. */
  #spare: (() => void)[] = [];

  /** @param schedule runs its callback in the check phase of this turn: Node's `setImmediate`. */
  constructor(schedule: (callback: () => void) => void) {
    this.#schedule = schedule;
  }

  /** Tasks run in the order in which they were added. What a task adds runs at the end of the next turn. */
  add(task: () => void): void {
    if (this.#tasks.push(task) === 1) this.#schedule(this.#run);
  }

  readonly #run = (): void => {
    const tasks = this.#tasks;
    this.#tasks = this.#spare;
    let next = 0;
    try {
      while (next < tasks.length) tasks[next++]!();
    } finally {
      // A task that throws takes none of the others with it.
      for (const task of tasks.slice(next)) this.add(task);
      tasks.length = 0;
      this.#spare = tasks;
    }
  };
}
