/** The key of a call that runs: held by renewing its lock, until the response is kept or the key comes free. */
import type { Clock, Timer } from '../../core/clock.js';
import { LastingStoreError, lengthOf, type Records, type Value } from '../../core/store.js';

/** A lock is renewed this many times before its time is over: a store may miss one or two. */
const RENEWALS = 3;

/** Between attempts to keep a response: the first pause, which doubles up to the last. */
const MIN_PAUSE_MS = 50;
const MAX_PAUSE_MS = 1000;

/** Of all responses of an upstream that wait for a store that is away. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

export interface HeldKeyOptions {
  readonly records: Records;
  readonly clock: Clock;
  readonly lockMs: number;
  /** Shared by all keys of an upstream. */
  readonly waiting: { bytes: number };
}

/** What became of a response: `lost` where the key was taken by another call meanwhile, `failed` where the store did. */
export type Keeping = 'kept' | 'lost' | 'failed';

export class HeldKey {
  readonly #options: HeldKeyOptions;
  readonly #key: string;
  readonly #lock: Buffer;
  #timer: Timer | undefined;
  #isOver = false;
  /** The store has said so. Where it has not, the call does not wait for it a second time: the key protects nothing. */
  #isHeld = false;

  /** @param lock names the call, so that a call that has lost its key changes nothing when it ends late. */
  constructor(key: string, lock: Buffer, options: HeldKeyOptions) {
    this.#options = options;
    this.#key = key;
    this.#lock = lock;
  }

  /** As `Records.claim`. */
  async claim(): Promise<Buffer | undefined> {
    const { records, lockMs } = this.#options;
    const found = await records.claim(this.#key, this.#lock, lockMs);
    this.#isHeld = found === undefined;
    return found;
  }

  /** From now on renews the lock. Where the claim failed this takes the key once the store is back. */
  hold(): void {
    const { clock, lockMs } = this.#options;
    this.#timer = clock.schedule(lockMs / RENEWALS, () => void this.#renew());
  }

  /** Never rejects: a key that cannot be freed frees itself when the lock's time is over. */
  async free(): Promise<void> {
    this.#end();
    const freed = this.#options.records.free(this.#key, this.#lock).catch(() => false);
    if (this.#isHeld) await freed;
  }

  /**
   * Puts the record in the place of the lock. While the store fails it goes on trying for as long as a lock lasts.
   * @param record may be overwritten when this has resolved. @param onEnd is called once.
   * @returns after the first attempt: the response need not wait for the others, and for none where the key is not held.
   */
  async keep(record: Value, ttlMs: number, onEnd: (result: Keeping) => void): Promise<void> {
    const { clock, lockMs } = this.#options;
    const untilMs = clock.now() + lockMs;
    const isHeld = this.#isHeld;
    const result = isHeld ? await this.#tryToKeep(record, ttlMs) : undefined;
    if (result !== undefined) return onEnd(result);
    void this.#keepUntil(untilMs, record, ttlMs, isHeld ? MIN_PAUSE_MS : 0).then(onEnd);
  }

  /** @param firstPauseMs before the first attempt. */
  async #keepUntil(
    untilMs: number,
    parts: Value,
    ttlMs: number,
    firstPauseMs: number,
  ): Promise<Keeping> {
    const { clock, waiting } = this.#options;
    let result: Keeping | undefined;
    const bytes = lengthOf(parts);
    if (waiting.bytes + bytes <= MAX_WAITING_BYTES) {
      waiting.bytes += bytes;
      const record = [Buffer.concat(parts)];
      let pauseMs = firstPauseMs;
      while (result === undefined) {
        const leftMs = untilMs - clock.now();
        if (leftMs <= 0) break;
        if (pauseMs > 0) await passed(Math.min(pauseMs, leftMs, MAX_PAUSE_MS), clock);
        result = await this.#tryToKeep(record, ttlMs);
        pauseMs = Math.max(2 * pauseMs, MIN_PAUSE_MS);
      }
      waiting.bytes -= bytes;
    }
    if (result === undefined) await this.free();
    return result ?? 'failed';
  }

  /** @returns undefined where another attempt may do it. */
  async #tryToKeep(record: Value, ttlMs: number): Promise<Keeping | undefined> {
    try {
      const isKept = await this.#options.records.keep(this.#key, this.#lock, record, ttlMs);
      this.#end();
      return isKept ? 'kept' : 'lost';
    } catch (error) {
      if (!(error instanceof LastingStoreError)) return undefined;
      await this.free();
      return 'failed';
    }
  }

  async #renew(): Promise<void> {
    const { records, lockMs } = this.#options;
    try {
      const isHeld = await records.renew(this.#key, this.#lock, lockMs);
      // The store was away for too long, or lost what it had.
      if (!isHeld && !this.#isOver) await this.claim();
    } catch {
      // There is another renewal before the lock's time is over.
    }
    if (!this.#isOver) this.hold();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer?.cancel();
  }
}

const passed = (ms: number, clock: Clock) =>
  new Promise<void>((resolve) => {
    clock.schedule(ms, resolve);
  });
