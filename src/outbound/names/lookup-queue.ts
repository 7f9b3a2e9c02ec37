/**
 * Keeps slow look-ups from delaying others. A look-up cannot be ended, and Node has two threads for look-ups: two names whose
 * name server is dead would hold up every other name. One look-up runs in this process at a time. A look-up that has waited for
 * a moment goes to a process with many threads, which is started then.
 */
import type { Clock, Timer } from '../../core/clock.js';
import type { Lookup, NameAddress } from './lookup.js';
import { LookupProcess, LookupProcessEnded, PROCESS_LOOKUPS } from './lookup-process.js';

/** libuv gives look-ups two of its four threads; the other one is for those that do not come through here, such as a store's. */
const OWN_LOOKUPS = 1;

/** How long a look-up waits for its turn here, in ms: a healthy name server takes less. */
const PATIENCE_MS = 50;

interface Waiting {
  readonly name: string;
  readonly resolve: (addresses: Promise<readonly NameAddress[]>) => void;
}

export class LookupQueue {
  readonly #clock: Clock;
  readonly #lookup: Lookup;
  readonly #process: LookupProcess;
  #running = 0;
  #waiting: Waiting[] = [];
  #timer: Timer | undefined;
  #isClosed = false;

  /** @param lookup runs in this process. @param elsewhere takes what has to wait. */
  constructor(clock: Clock, lookup: Lookup, elsewhere = new LookupProcess(clock)) {
    this.#clock = clock;
    this.#lookup = lookup;
    this.#process = elsewhere;
  }

  /** @throws as a look-up does. */
  readonly lookup: Lookup = (name) => {
    if (this.#running < OWN_LOOKUPS) return this.#runHere(name);
    return new Promise((resolve) => {
      this.#waiting.push({ name, resolve });
      this.#timer ??= this.#clock.schedule(PATIENCE_MS, this.#onTimer);
    });
  };

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#process.close();
  }

  async #runHere(name: string): Promise<readonly NameAddress[]> {
    this.#running += 1;
    try {
      return await this.#lookup(name);
    } finally {
      this.#running -= 1;
      this.#next(this.#waiting.shift(), (next) => this.#runHere(next));
    }
  }

  async #runElsewhere(name: string): Promise<readonly NameAddress[]> {
    try {
      return await this.#process.lookup(name);
    } catch (error) {
      if (error instanceof LookupProcessEnded && !this.#isClosed) return this.#runHere(name);
      throw error;
    } finally {
      this.#moveOn();
    }
  }

  #next(waiting: Waiting | undefined, run: Lookup): void {
    waiting?.resolve(run(waiting.name));
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined;
    this.#moveOn();
  };

  /** To the process goes what has waited here, as far as it has threads. */
  #moveOn(): void {
    if (this.#isClosed) return;
    while (this.#waiting.length > 0 && this.#process.running < PROCESS_LOOKUPS) {
      this.#next(this.#waiting.shift(), (name) => this.#runElsewhere(name));
    }
  }
}
