/** The store in which policies keep data beyond one call, or share it between replicas. */

/**
 * Keys are opaque strings; values are opaque bytes. Every operation may reject: the store can be away. Callers decide
 * what that means for the call.
 */
export interface Store {
  /** @returns undefined when there is none, or its time is over. */
  get(key: string): Promise<Buffer | undefined>;
  /** Keeps `value` for `ttlMs`; when the store is full, the least recently used entry is deleted. */
  set(key: string, value: Buffer, ttlMs: number): Promise<void>;
  /**
   * Sets `value` only where there is none, in one step across replicas.
   * @returns whether it was set.
   */
  setIfAbsent(key: string, value: Buffer, ttlMs: number): Promise<boolean>;
  /** Replaces `expected` by `value` in one step. @returns false, and changes nothing, when the key holds something else. */
  replace(key: string, expected: Buffer, value: Buffer, ttlMs: number): Promise<boolean>;
  /** Deletes the key in one step if it holds `expected`. */
  deleteIf(key: string, expected: Buffer): Promise<boolean>;
}

/** A store for the part that opens and closes it. */
export interface OwnedStore extends Store {
  /** Resolves once it can be used, or shows that it cannot for now; never rejects: it comes back by itself. */
  open(): Promise<void>;
  close(): Promise<void>;
}
