/** The store that replicas share: a Redis server, which may be away at any time. */
import type { Cache, Meters, Records, Value } from '../core/store.js';
import type { AdjustableStore, StoreOptions } from './options.js';
import { count, deleteIf, replace } from './redis-client.js';
import { RedisLink, type RedisLinkOptions } from './redis-link.js';

/** In front of every key. The number changes with the form of keys or values: old and new may share a server. */
const PREFIX = 'breakwater:1:';

/** A key may come free between being found taken and being read; it never does so this often in a row. */
const MAX_CLAIMS = 100;

/** Redis takes whole ms, at least one. */
const pxOf = (ttlMs: number) => Math.max(1, Math.ceil(ttlMs));

/** The parts are only there for now. */
const joined = (value: Value) => Buffer.concat(value);

const always = () => true;
const wrote = (reply: unknown) => reply !== null;
const isTrue = (result: boolean) => result;
/** Deleting needs no room. */
const never = () => false;

class RedisStore implements AdjustableStore {
  readonly cache: Cache;
  readonly records: Records;
  readonly meters: Meters;
  readonly #link: RedisLink;
  readonly #url: string;

  constructor(options: RedisLinkOptions) {
    this.#link = new RedisLink(options);
    this.#url = options.url;
    this.cache = {
      // The clocks of replicas have nothing else in common.
      now: () => options.clock.wallNow(),
      get: (key) => this.#get(key),
      set: async (key, value, ttlMs) => {
        const px = { PX: pxOf(ttlMs) };
        const whole = joined(value);
        await this.#link.write((client) => client.set(PREFIX + key, whole, px), always);
      },
    };
    this.records = {
      claim: (key, lock, ttlMs) => this.#claim(key, lock, ttlMs),
      renew: (key, lock, ttlMs) => this.#replace(key, lock, lock, ttlMs),
      keep: async (key, lock, record, ttlMs) => {
        const whole = joined(record);
        return (
          (await this.#replace(key, lock, whole, ttlMs)) ||
          (await this.#setIfAbsent(key, whole, ttlMs))
        );
      },
      free: (key, lock) => this.#free(key, lock),
    };
    this.meters = {
      count: (meters, maxWaitMs) =>
        this.#link.write((client) => count(client, PREFIX, meters), always, maxWaitMs),
    };
  }

  open(): Promise<void> {
    return this.#link.open();
  }

  close(): Promise<void> {
    return this.#link.close();
  }

  adjustmentTo(options: StoreOptions): (() => void) | undefined {
    if (options.kind !== 'redis' || options.url !== this.#url) return undefined;
    return () => this.#link.setTimeout(options.timeout);
  }

  async #get(key: string): Promise<Buffer | undefined> {
    return (await this.#link.read((client) => client.get(PREFIX + key))) ?? undefined;
  }

  async #claim(key: string, lock: Buffer, ttlMs: number): Promise<Buffer | undefined> {
    for (let claims = 1; claims <= MAX_CLAIMS; claims++) {
      // Both at once: the second says what stood in the way of the first, or that the first did arrive.
      const taking = this.#setIfAbsent(key, lock, ttlMs);
      const reading = this.#get(key);
      // It is looked at only after the second.
      taking.catch(() => {});
      const holder = await reading.catch(() => undefined);
      if (holder !== undefined) {
        const isOurs = holder.equals(lock);
        // After a failover the lock can arrive at a new primary that has not heard of the holder.
        taking.then((isTaken) => isTaken && !isOurs && this.#free(key, lock)).catch(() => {});
        return isOurs ? undefined : holder;
      }
      if (await taking) return undefined;
      await reading;
    }
    throw new Error('its key came free and was taken again too often');
  }

  #free(key: string, lock: Buffer): Promise<boolean> {
    return this.#link.write((client) => deleteIf(client, PREFIX + key, lock), never);
  }

  async #setIfAbsent(key: string, value: Buffer, ttlMs: number): Promise<boolean> {
    const options = { PX: pxOf(ttlMs), NX: true } as const;
    return wrote(
      await this.#link.write((client) => client.set(PREFIX + key, value, options), wrote),
    );
  }

  #replace(key: string, expected: Buffer, value: Buffer, ttlMs: number): Promise<boolean> {
    return this.#link.write(
      (client) => replace(client, PREFIX + key, expected, value, pxOf(ttlMs)),
      isTrue,
    );
  }
}

/** Connects when it is opened; until it is closed it comes back by itself from whatever happens to the server. */
export function createRedisStore(options: RedisLinkOptions): AdjustableStore {
  return new RedisStore(options);
}
