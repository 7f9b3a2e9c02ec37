/** The store in which policies keep data beyond one call, or share it between replicas. */

/** Another attempt would fail as well. */
export class LastingStoreError extends Error {}

/** What every operation on a store that was closed rejects with: it will not come back. */
export class StoreClosedError extends LastingStoreError {}

/** Bytes to be kept, in parts. They are only read before the operation returns its promise. */
export type Value = readonly Uint8Array[];

export const lengthOf = (value: Value) => value.reduce((sum, part) => sum + part.length, 0);

/** Keys are opaque strings; values are opaque bytes. Every operation may reject, because the store can be away. */
export interface Cache {
  /**
   * Ms from a start that all who share this cache have in common: to tell the age of what is in it. Monotonic where only
   * this process uses it.
   */
  now(): number;
  /** @returns undefined when there is none, or its time is over. */
  get(key: string): Promise<Buffer | undefined>;
  /** Keeps `value` for at most `ttlMs`: what is least recently used goes when there is no room. */
  set(key: string, value: Value, ttlMs: number): Promise<void>;
}

/**
 * What calls have come to. A key holds nothing, the lock of a call that runs, or the record of one that has ended. Each
 * operation is one step across replicas; where a lock is asked for, nothing happens to a key that holds anything else.
 */
export interface Records {
  /**
   * Takes a key that holds nothing.
   * @returns undefined where `lock` now holds the key, otherwise what the key holds.
   * @throws when the key could not be taken, and holds nothing that could be read. The lock may have arrived all the same.
   */
  claim(key: string, lock: Buffer, ttlMs: number): Promise<Buffer | undefined>;
  /** Gives the lock `ttlMs` from now. @returns false where the key does not hold `lock`. */
  renew(key: string, lock: Buffer, ttlMs: number): Promise<boolean>;
  /**
   * Puts `record` in the place of `lock`, or of nothing. Where it is there already, because a response was lost, its time
   * begins anew.
   * @returns false where the key holds something else.
   */
  keep(key: string, lock: Buffer, record: Value, ttlMs: number): Promise<boolean>;
  /** Deletes `lock`. @returns false where the key does not hold it. */
  free(key: string, lock: Buffer): Promise<boolean>;
}

export interface Store {
  /** Nice to have: what is in it may go at any time. */
  readonly cache: Cache;
  /** Must not be lost: it never makes room for the cache, and a lock makes room for nothing. */
  readonly records: Records;
}

/** A store for the part that opens and closes it. */
export interface OwnedStore extends Store {
  /** Resolves once it can be used, or shows that it cannot for now; never rejects: it comes back by itself. */
  open(): Promise<void>;
  close(): Promise<void>;
}
