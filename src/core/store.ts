/** The store in which policies keep data beyond one call, or share it between replicas. */
import type { Limit } from '../lib/leaky-bucket.js';

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

/** One of the limits that a call is counted against. */
export interface Meter {
  /** The same key, rate and burst for all who count together. */
  readonly key: string;
  readonly limit: Limit;
  /** The count is at least this, in units of `CALL`: what the asker knows of, and a store may have lost. */
  readonly atLeast: number;
}

/** What a call has come to at several meters. */
export interface Metered {
  /** All of them had room: the call is counted at each. Otherwise it is counted at none. */
  readonly isCounted: boolean;
  /** Of each meter, after that, in units of `CALL`. */
  readonly levels: readonly number[];
}

/** Counts of calls per time. */
export interface Meters {
  /**
   * Counts one call, in one step across replicas.
   * @param maxWaitMs rejects when the store has not responded by then. The call may be counted all the same.
   */
  count(meters: readonly Meter[], maxWaitMs: number): Promise<Metered>;
}

/** What replicas tell each other. What is told is lost where the store is away. */
export interface Notices {
  /** Takes the place of what was told under that name before, for `ttlMs`. Never fails. */
  tell(name: string, text: string, ttlMs: number): void;
  /**
   * @param hear is called with each new text, the replica's own included, and with the ms until its end. Soon after it was
   *   told, or after the store is back.
   * @returns what ends it.
   */
  follow(name: string, hear: (text: string, leftMs: number) => void): () => void;
}

export interface Store {
  /** Nice to have: what is in it may go at any time. */
  readonly cache: Cache;
  /** Must not be lost: it never makes room for the cache, and a lock makes room for nothing. */
  readonly records: Records;
  /** The same records. A lock is taken, and a record kept, only where the loss of a server would not lose it. */
  readonly safeRecords: Records;
  readonly meters: Meters;
  readonly notices: Notices;
}

/** A store for the part that opens and closes it. */
export interface OwnedStore extends Store {
  /** Resolves once it can be used, or shows that it cannot for now; never rejects: it comes back by itself. */
  open(): Promise<void>;
  close(): Promise<void>;
}
