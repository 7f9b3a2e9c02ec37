/** What a store is opened with, and how it takes over changed options. */
import type { Clock } from '../core/clock.js';
import type { OwnedStore } from '../core/store.js';

export interface MemorySizes {
  /** Of the cache: keys, values and what goes with them. */
  readonly maxBytes: number;
  /** The same of records and locks. */
  readonly maxRecordBytes: number;
}

export interface RedisOptions {
  readonly mode: 'single' | 'sentinel' | 'cluster';
  /** At least one; exactly one in mode `single`. In mode `sentinel` those of the sentinels. */
  readonly urls: readonly string[];
  /** In mode `sentinel`: what the sentinels call the primary. */
  readonly master: string | undefined;
  readonly keyPrefix: string;
  /** Of the servers; undefined: as in the URLs. */
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Longest wait for a response, in ms. */
  readonly timeout: number;
}

export type StoreOptions =
  | ({ readonly kind: 'memory' } & MemorySizes)
  | ({ readonly kind: 'redis' } & RedisOptions);

/** Calls that run have their locks in it, so a reload changes it where it can, rather than opening another one. */
export interface AdjustableStore extends OwnedStore {
  /** @returns what puts other options in force; undefined where they need another store. */
  adjustmentTo(options: StoreOptions): (() => void) | undefined;
}

export interface StoreContext {
  readonly clock: Clock;
  /** Once per change: why the store cannot be used, or undefined when it can. */
  readonly onChange: (why: string | undefined) => void;
}
