/**
 * Writes that are still there after a failover: a write counts when a replica has it, by Redis's WAIT. Without a replica it
 * counts when most sentinels say that there is none that could take the place of the primary.
 */
import type { Clock } from '../core/clock.js';
import { isMisplaced, type RedisCommands } from './redis-connection.js';
import type { SentinelConnection } from './sentinel-connection.js';

/** Longest wait for a replica, in ms. A healthy one has a write within a few. */
const WAIT_MS = 200;

/** That the primary is alone is believed for this long, in ms: a replica needs longer to get ready to take over. */
const ALONE_MS = 250;

export interface SafeWritesOptions {
  /** For these writes only: WAIT holds up all that is sent after it. */
  readonly connection: SentinelConnection;
  readonly isAlone: (primary: string) => Promise<boolean>;
  readonly clock: Clock;
}

interface Entry {
  /** @returns whether it has sent the write. */
  start(connection: RedisCommands): Promise<void>;
  settle(error: unknown): void;
}

/** While one WAIT is under way, writes gather; the next WAIT is for all of them. */
export class SafeWrites {
  readonly #options: SafeWritesOptions;
  #waiting: Entry[] = [];
  #isRunning = false;
  #alone: { readonly primary: string; readonly untilMs: number } | undefined;

  constructor(options: SafeWritesOptions) {
    this.#options = options;
  }

  /**
   * @param isOver the asker has given up: what was not sent yet is not sent any more.
   * @throws what the server says, or that no replica has it. The write may have happened all the same.
   */
  write<T>(send: (to: RedisCommands) => Promise<T>, isOver: () => boolean): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let result: Promise<T> | undefined;
      this.#waiting.push({
        async start(connection) {
          if (isOver()) throw new Error('it came too late to be sent');
          result = send(connection);
          await result;
        },
        settle: (error) => (error === undefined ? resolve(result!) : reject(error as Error)),
      });
      if (!this.#isRunning) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      await this.#runBatch(batch);
    }
    this.#isRunning = false;
  }

  async #runBatch(batch: readonly Entry[]): Promise<void> {
    const { connection } = this.#options;
    const primary = connection.server;
    const started = batch.map((entry) => entry.start(connection));
    // Right behind them on the same connection, so it is about all of them.
    const confirmed = this.#confirm(primary);
    const [results, [trouble]] = await Promise.all([
      Promise.allSettled(started),
      Promise.allSettled([confirmed]),
    ]);
    for (const [i, result] of results.entries()) {
      if (result.status === 'rejected' && isMisplaced(result.reason)) connection.relocate();
      const failed = result.status === 'rejected' ? result : trouble;
      batch[i]!.settle(failed.status === 'rejected' ? failed.reason : undefined);
    }
  }

  /** @throws unless the writes that were sent before are safe. */
  async #confirm(primary: string | undefined): Promise<void> {
    const { connection, isAlone, clock } = this.#options;
    const isKnown = this.#alone?.primary === primary && clock.now() < this.#alone!.untilMs;
    const replicas = await connection.wait(isKnown ? 0 : 1, WAIT_MS);
    if (replicas > 0 || isKnown) return;
    const askedAtMs = clock.now();
    if (primary !== undefined && (await isAlone(primary)) && connection.server === primary) {
      this.#alone = { primary, untilMs: askedAtMs + ALONE_MS };
      return;
    }
    throw new Error(
      `no replica of ${primary ?? 'the primary'} has confirmed the write within ${WAIT_MS} ms`,
    );
  }
}
