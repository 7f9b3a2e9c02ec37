/** Leaky buckets by key, in bounded memory. */
import type { Bucket } from './leaky-bucket.js';

/** Of the keys that are kept, those that were used more than once may take this share. */
const REPEATED_SHARE = 0.8;

/**
 * Segmented LRU (R. Karedla et al., "Caching Strategies to Improve Disk System Performance", 1994): a key that is used
 * again moves to a segment of its own. So a flood of new keys drives out other keys that were used once, and none of
 * those that are in use. A key that was driven out begins anew, as if it had never been used.
 */
export class BucketTable {
  readonly #maxKeys: number;
  readonly #maxRepeated: number;
  /** Used once, or driven out of the others. The least recently used comes first, in both. */
  readonly #once = new Map<string, Bucket>();
  readonly #repeated = new Map<string, Bucket>();

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys;
    this.#maxRepeated = Math.floor(maxKeys * REPEATED_SHARE);
  }

  /** Keys that are kept. */
  get size(): number {
    return this.#once.size + this.#repeated.size;
  }

  /** Only looks: that is no use of the key. */
  peek(key: string): Bucket | undefined {
    return this.#repeated.get(key) ?? this.#once.get(key);
  }

  /** Uses the key. @returns undefined where it is not kept. */
  find(key: string): Bucket | undefined {
    const repeated = this.#repeated.get(key);
    const bucket = repeated ?? this.#once.get(key);
    if (bucket === undefined) return undefined;
    if (repeated === undefined) this.#once.delete(key);
    else this.#repeated.delete(key);
    this.#repeated.set(key, bucket);
    if (this.#repeated.size > this.#maxRepeated) {
      const [oldest, demoted] = this.#repeated.entries().next().value!;
      this.#repeated.delete(oldest);
      this.#once.set(oldest, demoted);
    }
    return bucket;
  }

  /** Of a key that is not kept. */
  add(key: string, bucket: Bucket): void {
    if (this.size >= this.#maxKeys) this.#once.delete(this.#once.keys().next().value!);
    this.#once.set(key, bucket);
  }

  *buckets(): Generator<Bucket> {
    yield* this.#once.values();
    yield* this.#repeated.values();
  }

  clear(): void {
    this.#once.clear();
    this.#repeated.clear();
  }
}
