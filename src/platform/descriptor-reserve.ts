/** Keeps a few file descriptors free of calls, so that the admin server can be reached when calls have used up the rest. */
import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';

/** How many are kept: enough for scrapes, probes and look-ups of names, and a small part of a low limit. */
const LEAST = 6;
const MOST = 16;
const SHARE = 1 / 16;

export class DescriptorReserve {
  /** How many descriptors calls may use. */
  readonly #forCalls: number;
  /** Of sockets that do not have theirs yet. */
  #claimed = 0;

  /** @param limit how many may be open; undefined where that is not known: then none are kept. */
  constructor(limit: number | undefined) {
    this.#forCalls =
      limit === undefined
        ? Infinity
        : limit - Math.min(MOST, Math.max(LEAST, Math.floor(limit * SHARE)));
  }

  /** Only the reserve is left. */
  readonly isAllThatIsLeft = (): boolean => {
    if (this.#forCalls === Infinity) return false;
    const free = lowestFree();
    return free !== undefined && free + this.#claimed >= this.#forCalls;
  };

  /**
   * Claims a descriptor for a connection whose opening begins now. Node opens the socket on the next tick, and more
   * connections may begin before that.
   * @returns false where only the reserve is left.
   */
  readonly claim = (): boolean => {
    if (this.#forCalls === Infinity) return true;
    if (this.isAllThatIsLeft()) return false;
    this.#claimed += 1;
    // A tick queued from the next one comes after the socket has been opened.
    process.nextTick(() => process.nextTick(() => (this.#claimed -= 1)));
    return true;
  };
}

/**
 * The system hands out the lowest number that is free, so this one says how many are in use.
 * @returns Infinity where none is free; undefined where that cannot be found out.
 */
function lowestFree(): number | undefined {
  try {
    const descriptor = openSync(devNull, 'r');
    closeSync(descriptor);
    return descriptor;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EMFILE' ? Infinity : undefined;
  }
}
