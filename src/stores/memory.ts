/** The store within the process: bounded in bytes, forgetting what was used least lately; the only user of lru-cache. */
import { LRUCache } from 'lru-cache';
import type { Store } from '../core/store.js';

export interface MemoryStoreOptions {
  /** Of keys and values together. */
  readonly maxBytes: number;
}

/** What an entry costs besides its bytes, roughly. */
const ENTRY_BYTES = 200;

export function createMemoryStore({ maxBytes }: MemoryStoreOptions): Store {
  const entries = new LRUCache<string, Buffer>({
    maxSize: maxBytes,
    sizeCalculation: (value, key) => value.length + key.length * 2 + ENTRY_BYTES,
  });
  const holds = (key: string, expected: Buffer) => entries.get(key)?.equals(expected) === true;
  // One thread: what happens without a pause in between is one step.
  return {
    get: async (key) => entries.get(key),
    async set(key, value, ttlMs) {
      entries.set(key, value, { ttl: ttlMs });
    },
    async setIfAbsent(key, value, ttlMs) {
      if (entries.get(key) !== undefined) return false;
      entries.set(key, value, { ttl: ttlMs });
      return true;
    },
    async replace(key, expected, value, ttlMs) {
      if (!holds(key, expected)) return false;
      entries.set(key, value, { ttl: ttlMs });
      return true;
    },
    deleteIf: async (key, expected) => holds(key, expected) && entries.delete(key),
  };
}
