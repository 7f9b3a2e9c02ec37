/** The store in this process's own memory. */
import type { Clock } from '../core/clock.js';
import {
  LastingStoreError,
  type Cache,
  type Meters,
  type Notices,
  type Records,
  type Value,
} from '../core/store.js';
import { BucketTable } from '../lib/bucket-table.js';
import { CALL, levelAt, waitUs } from '../lib/leaky-bucket.js';
import { BoundedMap } from './bounded-map.js';
import type { AdjustableStore, MemorySizes, StoreOptions } from './options.js';

export interface MemoryStoreOptions extends MemorySizes {
  readonly clock: Clock;
}

/** They take about 10 MiB. */
const MAX_METERS = 50_000;

const done = Promise.resolve();

const noReplicas: Notices = { tell() {}, follow: () => () => {} };

/** Its operations are done when they return: within one process that makes each a step that nothing can get between. */
export class MemoryStore implements AdjustableStore {
  readonly cache: Cache;
  readonly records: Records;
  readonly safeRecords: Records;
  readonly notices: Notices = noReplicas;
  readonly meters: Meters;
  readonly #metered = new BucketTable(MAX_METERS);
  readonly #cached: BoundedMap;
  readonly #recorded: BoundedMap;

  constructor({ maxBytes, maxRecordBytes, clock }: MemoryStoreOptions) {
    this.#cached = new BoundedMap(maxBytes, clock);
    this.#recorded = new BoundedMap(maxRecordBytes, clock);
    this.cache = cacheIn(this.#cached, clock);
    this.records = this.safeRecords = recordsIn(this.#recorded);
    this.meters = metersIn(this.#metered, clock);
  }

  open(): Promise<void> {
    return done;
  }

  close(): Promise<void> {
    this.#cached.clear();
    this.#recorded.clear();
    this.#metered.clear();
    return done;
  }

  adjustmentTo(options: StoreOptions): (() => void) | undefined {
    return options.kind === 'memory' ? () => this.resize(options) : undefined;
  }

  /** Keeps what fits into the new sizes, and every lock. */
  resize({ maxBytes, maxRecordBytes }: MemorySizes): void {
    this.#cached.resize(maxBytes);
    this.#recorded.resize(maxRecordBytes);
  }
}

const cacheIn = (entries: BoundedMap, clock: Clock): Cache => ({
  now: () => clock.now(),
  get: (key) => Promise.resolve(entries.get(key)),
  set(key, value, ttlMs) {
    // What is larger than the cache takes the place of the old value all the same: it is out of date.
    if (!entries.put(key, value, ttlMs)) entries.delete(key);
    return done;
  },
});

function recordsIn(entries: BoundedMap): Records {
  const holds = (key: string, lock: Buffer) => entries.get(key)?.equals(lock) === true;

  function put(key: string, value: Value, ttlMs: number, isPinned: boolean): void {
    if (entries.put(key, value, ttlMs, isPinned)) return;
    if (!entries.couldHold(key, value)) {
      throw new LastingStoreError('it is larger than stores.maxRecordBytes');
    }
    throw new Error('there is no room for it: raise stores.maxRecordBytes');
  }

  return {
    async claim(key, lock, ttlMs) {
      const held = entries.get(key);
      if (held === undefined) put(key, [lock], ttlMs, true);
      return held;
    },
    async renew(key, lock, ttlMs) {
      if (!holds(key, lock)) return false;
      put(key, [lock], ttlMs, true);
      return true;
    },
    async keep(key, lock, record, ttlMs) {
      const held = entries.get(key);
      if (held !== undefined && !held.equals(lock) && !held.equals(Buffer.concat(record)))
        return false;
      put(key, record, ttlMs, false);
      return true;
    },
    free: (key, lock) => Promise.resolve(holds(key, lock) && entries.delete(key)),
  };
}

const metersIn = (table: BucketTable, clock: Clock): Meters => ({
  count(meters) {
    const nowUs = Math.floor(clock.now() * 1000);
    const found = meters.map(({ key, limit, atLeast }) => {
      const bucket = table.find(key) ?? { level: 0, atUs: nowUs };
      const level = Math.max(levelAt(bucket, limit, nowUs), Math.min(atLeast, limit.burst * CALL));
      return { key, bucket, level, hasRoom: waitUs(level, limit) === 0 };
    });
    const isCounted = found.every(({ hasRoom }) => hasRoom);
    const levels = found.map(({ key, bucket, level }) => {
      bucket.level = isCounted ? level + CALL : level;
      bucket.atUs = nowUs;
      if (bucket.level > 0 && table.peek(key) === undefined) table.add(key, bucket);
      return bucket.level;
    });
    return Promise.resolve({ isCounted, levels });
  },
});
