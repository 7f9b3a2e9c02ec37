/** The store in this process's own memory: bounded in bytes, least recently used goes first. */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/clock.js';
import type { OwnedStore } from '../core/store.js';

/** What an entry costs beside its key and value, in bytes: roughly, so that many tiny entries count for something. */
const ENTRY_BYTES = 200;

export interface MemoryStoreOptions {
  /** Keys, values and what goes with them, together. */
  readonly maxBytes: number;
  readonly clock: Clock;
}

/** Its operations are done when they return: within one process that makes each a step that nobody can get between. */
export function createMemoryStore({ maxBytes, clock }: MemoryStoreOptions): OwnedStore {
  const cache = new LRUCache<string, Buffer>({
    maxSize: Math.max(1, maxBytes),
    sizeCalculation: (value, key) => value.length + Buffer.byteLength(key) + ENTRY_BYTES,
    ttlResolution: 0,
    // The library takes an entry that was made at 0 for one without an end.
    perf: { now: () => clock.now() + 1 },
  });

  /** @returns false for what is larger than the whole store. */
  function put(key: string, value: Buffer, ttlMs: number): boolean {
    // A copy: a slice of a large chunk would keep all of that alive.
    cache.set(key, Buffer.from(value), { ttl: Math.max(1, Math.ceil(ttlMs)) });
    return cache.has(key);
  }

  const holds = (key: string, expected: Buffer) => cache.get(key)?.equals(expected) === true;

  return {
    open: () => Promise.resolve(),
    close() {
      cache.clear();
      return Promise.resolve();
    },
    get: (key) => Promise.resolve(cache.get(key)),
    set(key, value, ttlMs) {
      put(key, value, ttlMs);
      return Promise.resolve();
    },
    setIfAbsent: (key, value, ttlMs) => Promise.resolve(!cache.has(key) && put(key, value, ttlMs)),
    replace(key, expected, value, ttlMs) {
      return Promise.resolve(holds(key, expected) && put(key, value, ttlMs));
    },
    deleteIf: (key, expected) => Promise.resolve(holds(key, expected) && cache.delete(key)),
  };
}
