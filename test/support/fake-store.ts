/** A store that a test can look into, take away and bring back. */
import type { Clock } from '../../src/core/clock.js';
import type { Cache, Meters, Notices, Records, Store } from '../../src/core/store.js';
import { MemoryStore } from '../../src/stores/memory.js';

interface Entry {
  readonly value: Buffer;
  readonly untilMs: number;
}

export type Operation = keyof Omit<Cache, 'now'> | keyof Records | keyof Meters;

export class FakeStore implements Store {
  /** What every operation rejects with; undefined while it works. */
  failure: Error | undefined;
  /** Called before each operation. */
  onOperation: ((name: Operation) => void) | undefined;
  /** While it is set, operations wait for `release`. */
  isHanging = false;
  readonly #hung: (() => void)[] = [];
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  readonly #memory: MemoryStore;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#memory = new MemoryStore({ maxBytes: 0, maxRecordBytes: 0, clock });
  }

  readonly cache: Cache = {
    now: () => this.#clock.now(),
    get: async (key) => {
      await this.#begin('get');
      return this.#find(key);
    },
    set: async (key, value, ttlMs) => {
      const whole = Buffer.concat(value);
      await this.#begin('set');
      this.put(key, whole, ttlMs);
    },
  };

  readonly records: Records = {
    claim: async (key, lock, ttlMs) => {
      await this.#begin('claim');
      const held = this.#find(key);
      if (held === undefined) this.put(key, lock, ttlMs);
      return held;
    },
    renew: async (key, lock, ttlMs) => {
      await this.#begin('renew');
      if (!this.#holds(key, lock)) return false;
      this.put(key, lock, ttlMs);
      return true;
    },
    keep: async (key, lock, value, ttlMs) => {
      const record = Buffer.concat(value);
      await this.#begin('keep');
      const isHeld = this.#find(key) !== undefined;
      if (isHeld && !this.#holds(key, lock) && !this.#holds(key, record)) return false;
      this.put(key, record, ttlMs);
      return true;
    },
    free: async (key, lock) => {
      await this.#begin('free');
      return this.#holds(key, lock) && this.#entries.delete(key);
    },
  };

  readonly safeRecords = this.records;

  /** What was told, in order. */
  readonly told: { readonly name: string; readonly text: string; readonly ttlMs: number }[] = [];
  readonly #followers = new Map<string, Set<(text: string, leftMs: number) => void>>();

  readonly notices: Notices = {
    tell: (name, text, ttlMs) => void this.told.push({ name, text, ttlMs }),
    follow: (name, hear) => {
      const known = this.#followers.get(name) ?? new Set();
      this.#followers.set(name, known.add(hear));
      return () => void known.delete(hear);
    },
  };

  /** As if another replica had told it. @returns how many have heard it. */
  hear(name: string, text: string, leftMs: number): number {
    const followers = this.#followers.get(name) ?? new Set();
    for (const hear of followers) hear(text, leftMs);
    return followers.size;
  }

  readonly meters: Meters = {
    count: async (meters, maxWaitMs) => {
      await this.#begin('count');
      return this.#memory.meters.count(meters, maxWaitMs);
    },
  };

  keys(): string[] {
    return [...this.#entries.keys()].filter((key) => this.#find(key) !== undefined);
  }

  put(key: string, value: Buffer, ttlMs: number): void {
    this.#entries.set(key, { value, untilMs: this.#clock.now() + ttlMs });
  }

  clear(): void {
    this.#entries.clear();
  }

  /** Lets what hangs go on. */
  release(): void {
    this.isHanging = false;
    for (const resolve of this.#hung.splice(0)) resolve();
  }

  async #begin(name: Operation): Promise<void> {
    this.onOperation?.(name);
    if (this.failure !== undefined) throw this.failure;
    if (!this.isHanging) return;
    await new Promise<void>((resolve) => {
      this.#hung.push(resolve);
    });
  }

  #holds(key: string, value: Buffer): boolean {
    return this.#find(key)?.equals(value) === true;
  }

  #find(key: string): Buffer | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && this.#clock.now() < entry.untilMs ? entry.value : undefined;
  }
}
