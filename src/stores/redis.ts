/** The store that replicas share: Redis servers, which may be away at any time. */
import { isDeepStrictEqual } from 'node:util';
import type { Cache, Meters, Notices, Records, Value } from '../core/store.js';
import type { AdjustableStore, RedisOptions, StoreContext, StoreOptions } from './options.js';
import { waysTo, type RedisWays } from './redis-connect.js';
import type { RedisCommands } from './redis-connection.js';
import { RedisLink } from './redis-link.js';
import { RedisNotices } from './redis-notices.js';
import { count, deleteIf, replace } from './redis-scripts.js';

/** Behind the prefix. The number changes with the form of keys or values: old and new may share a server. */
const VERSION = '1:';

/** A key may come free between being found taken and being read; it never does so this often in a row. */
const MAX_CLAIMS = 100;

/** Redis takes whole ms, at least one. */
const pxOf = (ttlMs: number) => Math.max(1, Math.ceil(ttlMs));

/** The parts are only there for now. */
const joined = (value: Value) => Buffer.concat(value);

const always = () => true;
const isTrue = (result: boolean) => result;
/** Deleting needs no room. */
const never = () => false;

/** Sends a write, and says whether it was one. */
type Write = (send: (client: RedisCommands) => Promise<boolean>) => Promise<boolean>;

class RedisStore implements AdjustableStore {
  readonly cache: Cache;
  readonly records: Records;
  readonly safeRecords: Records;
  readonly meters: Meters;
  readonly notices: Notices;
  readonly #link: RedisLink;
  readonly #options: RedisOptions;
  readonly #ways: RedisWays;
  readonly #prefix: string;
  readonly #notices: RedisNotices;

  constructor(options: RedisOptions, { clock, onChange }: StoreContext) {
    const ways = waysTo(options, clock);
    const { connect, calmMs, safeWrites } = ways;
    const link = new RedisLink({ connect, timeoutMs: options.timeout, clock, onChange, calmMs });
    this.#link = link;
    this.#ways = ways;
    this.#options = options;
    this.#prefix = options.keyPrefix + VERSION;
    this.cache = {
      // The clocks of replicas have nothing else in common.
      now: () => clock.wallNow(),
      get: (key) => this.#get(key),
      set: async (key, value, ttlMs) => {
        const whole = joined(value);
        await link.write((client) => client.set(this.#prefix + key, whole, pxOf(ttlMs)), always);
      },
    };
    this.records = this.#recordsBy((send) => link.write(send, isTrue));
    this.safeRecords =
      safeWrites === undefined
        ? this.records
        : this.#recordsBy(
            (send) => link.writeBy((isOver) => safeWrites.write(send, isOver), isTrue),
            true,
          );
    this.meters = {
      count: (meters, maxWaitMs) =>
        link.write((client) => count(client, this.#prefix, meters), always, maxWaitMs),
    };
    this.notices = this.#notices = new RedisNotices({
      link,
      key: `${this.#prefix}notices`,
      clock,
    });
  }

  open(): Promise<void> {
    this.#ways.open();
    return this.#link.open();
  }

  close(): Promise<void> {
    this.#notices.close();
    this.#ways.close();
    return this.#link.close();
  }

  adjustmentTo(options: StoreOptions): (() => void) | undefined {
    if (options.kind !== 'redis') return undefined;
    const { timeout } = options;
    const isSame = isDeepStrictEqual({ ...this.#options, kind: options.kind, timeout }, options);
    return isSame ? () => this.#link.setTimeout(timeout) : undefined;
  }

  async #get(key: string): Promise<Buffer | undefined> {
    return this.#link.read((client) => client.get(this.#prefix + key));
  }

  /** @param write how locks and records are written. @param isSafe only its result says that a lock is safe. */
  #recordsBy(write: Write, isSafe = false): Records {
    const setIfAbsent = (key: string, value: Buffer, ttlMs: number) =>
      write((client) => client.set(this.#prefix + key, value, pxOf(ttlMs), true));
    const replaceBy = (by: Write, key: string, expected: Buffer, value: Buffer, ttlMs: number) =>
      by((client) => replace(client, this.#prefix + key, expected, value, pxOf(ttlMs)));
    return {
      claim: (key, lock, ttlMs) =>
        this.#claim(key, lock, () => setIfAbsent(key, lock, ttlMs), isSafe),
      // It only puts off an end.
      renew: (key, lock, ttlMs) =>
        replaceBy((send) => this.#link.write(send, isTrue), key, lock, lock, ttlMs),
      keep: async (key, lock, record, ttlMs) => {
        const whole = joined(record);
        return (
          (await replaceBy(write, key, lock, whole, ttlMs)) ||
          (await setIfAbsent(key, whole, ttlMs))
        );
      },
      free: (key, lock) => this.#free(key, lock),
    };
  }

  async #claim(
    key: string,
    lock: Buffer,
    take: () => Promise<boolean>,
    isSafe: boolean,
  ): Promise<Buffer | undefined> {
    for (let claims = 1; claims <= MAX_CLAIMS; claims++) {
      // Both at once: the second says what stood in the way of the first, or that the first did arrive.
      const taking = take();
      const reading = this.#get(key);
      // It is looked at only after the second.
      taking.catch(() => {});
      const holder = await reading.catch(() => undefined);
      if (holder !== undefined) {
        const isOurs = holder.equals(lock);
        // After a failover the lock can arrive at a new primary that has not heard of the holder.
        taking.then((isTaken) => isTaken && !isOurs && this.#free(key, lock)).catch(() => {});
        if (!isOurs) return holder;
        if (isSafe) await taking;
        return undefined;
      }
      if (await taking) return undefined;
      await reading;
    }
    throw new Error('its key came free and was taken again too often');
  }

  #free(key: string, lock: Buffer): Promise<boolean> {
    return this.#link.write((client) => deleteIf(client, this.#prefix + key, lock), never);
  }
}

/** Connects when it is opened; until it is closed it comes back by itself from whatever happens to the server. */
export function createRedisStore(options: RedisOptions, context: StoreContext): AdjustableStore {
  return new RedisStore(options, context);
}
