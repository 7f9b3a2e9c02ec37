/** The connection to a Redis that is used at present, and the next one where the server says that another is to be asked. */
import type { Clock } from '../core/clock.js';
import type { Connect, RedisConnection } from './redis-connection.js';

/** Least time between connections that are made anew because of what the server said, in ms. */
const RENEW_MS = 1000;

export interface RedisSuccessionOptions {
  readonly connect: Connect;
  readonly clock: Clock;
  /** The connection in use is ready, after a succession as well. */
  readonly onReady: () => void;
  /** The connection in use is lost. Told again for each attempt to connect that fails. */
  readonly onLost: (why: string) => void;
}

export class RedisSuccession {
  readonly #options: RedisSuccessionOptions;
  #current: RedisConnection;
  /** What is to take the place of the current one, once it is connected. */
  #successor: RedisConnection | undefined;
  /** Until it is. */
  #succession: Promise<void> | undefined;
  #onSucceeded: () => void = () => {};
  #renewedAtMs = -Infinity;
  #isClosed = false;

  constructor(options: RedisSuccessionOptions) {
    this.#options = options;
    this.#current = this.#create();
  }

  get current(): RedisConnection {
    return this.#current;
  }

  /** At once: what was asked fails. */
  destroy(): void {
    this.#isClosed = true;
    for (const connection of [this.#current, this.#successor]) connection?.destroy();
  }

  /**
   * The current connection is used until there is another: a server that cannot be written to may still be read.
   * @param patienceMs how long after its beginning a succession is still waited for.
   * @returns once there is another, or is none to come at present.
   */
  async renew(patienceMs: number): Promise<void> {
    if (this.#isClosed || this.#current.relocate()) return;
    const nowMs = this.#options.clock.now();
    if (this.#succession === undefined) {
      if (nowMs - this.#renewedAtMs < RENEW_MS) return;
      this.#renewedAtMs = nowMs;
      this.#succession = new Promise((resolve) => {
        this.#onSucceeded = resolve;
      });
      this.#successor = this.#create();
      this.#successor.open();
    }
    // Calls that come later need not wait for what the first ones have waited for in vain.
    else if (nowMs - this.#renewedAtMs >= patienceMs) return;
    return this.#succession;
  }

  #create(): RedisConnection {
    const { connect, onLost, onReady } = this.#options;
    const connection = connect({
      onLost: (why) => {
        if (connection === this.#current) onLost(why);
      },
      onReady: () => {
        if (connection === this.#successor) this.#succeed(connection);
        if (connection === this.#current) onReady();
      },
    });
    return connection;
  }

  #succeed(connection: RedisConnection): void {
    const before = this.#current;
    this.#current = connection;
    this.#successor = undefined;
    this.#succession = undefined;
    this.#onSucceeded();
    // What was asked there is still waited for.
    before.close();
  }
}
