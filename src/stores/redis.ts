/** The store that replicas share: one connection to a Redis server, which may be away at any time. */
import { createClient, defineScript, RESP_TYPES, type CommandParser } from '@redis/client';
import type { Clock, Timer } from '../core/clock.js';
import type { OwnedStore } from '../core/store.js';

/** In front of every key. The number changes with the form of keys or values: old and new may share a server. */
const PREFIX = 'breakwater:1:';

/** Longest wait for an answer, in ms: a call must not wait noticeably for a store that is in trouble. */
const COMMAND_TIMEOUT_MS = 40;

/** Between looks at a server that answers too slowly or not as it should, in ms. */
const PROBE_MS = 250;

/** A connection without a byte for this long is dead, in ms; the heartbeat is what fills it. */
const SILENCE_MS = 5000;
const HEARTBEAT_MS = 1000;

const CONNECT_TIMEOUT_MS = 2000;
const MIN_RECONNECT_MS = 50;
const MAX_RECONNECT_MS = 2000;

/** How long a start waits for the server, in ms: the first calls should find it, but it must not hold up the rest. */
const OPEN_MS = 1000;

/** The client sends EVALSHA, and EVAL where the server does not know the script (yet, or after a restart). */
const replaceScript = defineScript({
  SCRIPT: `if redis.call('get', KEYS[1]) == ARGV[1] then
  redis.call('set', KEYS[1], ARGV[2], 'px', ARGV[3])
  return 1
end
return 0`,
  NUMBER_OF_KEYS: 1,
  parseCommand(
    parser: CommandParser,
    key: string,
    expected: Buffer,
    value: Buffer,
    ttlMs: string,
  ): void {
    parser.pushKey(key);
    parser.push(expected, value, ttlMs);
  },
  transformReply: (reply: unknown) => reply === 1,
});

const deleteIfScript = defineScript({
  SCRIPT: `if redis.call('get', KEYS[1]) == ARGV[1] then
  return redis.call('del', KEYS[1])
end
return 0`,
  NUMBER_OF_KEYS: 1,
  parseCommand(parser: CommandParser, key: string, expected: Buffer): void {
    parser.pushKey(key);
    parser.push(expected);
  },
  transformReply: (reply: unknown) => reply === 1,
});

export interface RedisStoreOptions {
  readonly url: string;
  readonly clock: Clock;
  /** Once per change: why the store cannot be used, or undefined when it can. */
  readonly onChange: (why: string | undefined) => void;
}

function createRedisClient(url: string) {
  return createClient({
    url,
    // Servers that are older than RESP3 will do.
    RESP: 2,
    // What cannot be asked now must not be asked later either: the call will have gone on.
    disableOfflineQueue: true,
    pingInterval: HEARTBEAT_MS,
    socket: {
      connectTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: SILENCE_MS,
      reconnectStrategy: (retries: number) =>
        Math.min(MIN_RECONNECT_MS * 2 ** Math.min(retries, 10), MAX_RECONNECT_MS),
    },
    scripts: { replace: replaceScript, deleteIf: deleteIfScript },
    // Values are bytes, in both directions.
    commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
  });
}

type Client = ReturnType<typeof createRedisClient>;

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** Redis takes whole ms, at least one. */
const pxOf = (ttlMs: number) => Math.max(1, Math.ceil(ttlMs));

/**
 * Once the server does not answer, or not in time, operations fail at once, without asking it, until a probe is
 * answered in time: so an outage costs the calls that notice it `COMMAND_TIMEOUT_MS`, and all others nothing, and
 * commands do not pile up behind a server that hangs. Where it answers with an error (out of memory, read-only) it is
 * asked each time: that costs little, and shows when it is over.
 */
class RedisStore implements OwnedStore {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #onChange: RedisStoreOptions['onChange'];
  /** Undefined until it is known. */
  #isUsable: boolean | undefined;
  /** Why it is not asked at present. */
  #silence: string | undefined = 'it is not connected yet';
  #probe: Timer | undefined;
  #isProbing = false;
  #isClosed = false;
  #onKnown: () => void = () => {};

  constructor({ url, clock, onChange }: RedisStoreOptions) {
    this.#client = createRedisClient(url);
    this.#clock = clock;
    this.#onChange = onChange;
    // Unheard, an error event would end the process.
    this.#client.on('error', (error: unknown) => this.#silenceFor(messageOf(error)));
    this.#client.on('ready', () => this.#lookLater(0));
  }

  open(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.schedule(OPEN_MS, resolve);
      this.#onKnown = () => {
        timer.cancel();
        resolve();
      };
      // It goes on trying until it is closed, which ends it with an error.
      this.#client.connect().catch(() => {});
    });
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#probe?.cancel();
    if (this.#client.isOpen) this.#client.destroy();
    return Promise.resolve();
  }

  async get(key: string): Promise<Buffer | undefined> {
    return (await this.#ask(() => this.#client.get(PREFIX + key))) ?? undefined;
  }

  async set(key: string, value: Buffer, ttlMs: number): Promise<void> {
    await this.#write(() => this.#client.set(PREFIX + key, value, { PX: pxOf(ttlMs) }));
  }

  async setIfAbsent(key: string, value: Buffer, ttlMs: number): Promise<boolean> {
    const options = { PX: pxOf(ttlMs), NX: true } as const;
    return (await this.#write(() => this.#client.set(PREFIX + key, value, options))) !== null;
  }

  replace(key: string, expected: Buffer, value: Buffer, ttlMs: number): Promise<boolean> {
    return this.#write(() =>
      this.#client.replace(PREFIX + key, expected, value, String(pxOf(ttlMs))),
    );
  }

  deleteIf(key: string, expected: Buffer): Promise<boolean> {
    return this.#ask(() => this.#client.deleteIf(PREFIX + key, expected));
  }

  /** As `#ask`; that it worked also proves that the server has room, and may be written to. */
  async #write<T>(send: () => Promise<T>): Promise<T> {
    const result = await this.#ask(send);
    this.#note(undefined);
    return result;
  }

  async #ask<T>(send: () => Promise<T>): Promise<T> {
    if (this.#silence !== undefined) throw new Error(this.#silence);
    try {
      return await this.#inTime(send());
    } catch (error) {
      this.#note(messageOf(error));
      throw error;
    }
  }

  async #inTime<T>(reply: Promise<T>): Promise<T> {
    let timer: Timer | undefined;
    let isOver = false;
    const timeUp = new Promise<never>((_resolve, reject) => {
      const giveUp = () => {
        const why = `it did not answer within ${COMMAND_TIMEOUT_MS} ms`;
        this.#silenceFor(why);
        this.#lookLater(0);
        reject(new Error(why));
      };
      // After a stall of this very process the answer may be here, unread: timers come first in the event loop, then
      // sockets, then this.
      const lookOnce = () => setImmediate(() => (isOver ? undefined : giveUp()));
      timer = this.#clock.schedule(COMMAND_TIMEOUT_MS, lookOnce);
    });
    try {
      return await Promise.race([reply, timeUp]);
    } finally {
      isOver = true;
      timer?.cancel();
    }
  }

  /** Asks the server whether it is well, again and again until it is; one question at a time. */
  async #look(): Promise<void> {
    if (this.#isProbing || this.#isClosed) return;
    this.#isProbing = true;
    const sinceMs = this.#clock.now();
    try {
      await this.#client.ping();
      if (this.#clock.now() - sinceMs > COMMAND_TIMEOUT_MS) return this.#lookLater(PROBE_MS);
      this.#silence = undefined;
      this.#note(undefined);
    } catch (error) {
      this.#silenceFor(messageOf(error));
      // Without a connection the next look comes with the next one.
      if (this.#client.isReady) this.#lookLater(PROBE_MS);
    } finally {
      this.#isProbing = false;
    }
  }

  #lookLater(delayMs: number): void {
    if (this.#isClosed) return;
    this.#probe?.cancel();
    this.#probe = this.#clock.schedule(delayMs, () => void this.#look());
  }

  #silenceFor(why: string): void {
    if (this.#isClosed) return;
    this.#silence = why;
    this.#note(why);
  }

  #note(why: string | undefined): void {
    const isUsable = why === undefined;
    if (isUsable === this.#isUsable || this.#isClosed) return;
    this.#isUsable = isUsable;
    this.#onChange(why);
    this.#onKnown();
  }
}

/** Connects when it is opened; until it is closed it comes back by itself from whatever happens to the server. */
export function createRedisStore(options: RedisStoreOptions): OwnedStore {
  return new RedisStore(options);
}
