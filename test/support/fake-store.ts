/** A store that a test can look into, take away and bring back. */
import type { Clock } from '../../src/core/clock.js';
import type { Store } from '../../src/core/store.js';

interface Entry {
  readonly value: Buffer;
  readonly untilMs: number;
}

export class FakeStore implements Store {
  /** What every operation rejects with; undefined while it works. */
  failure: Error | undefined;
  /** Called before each operation. */
  onOperation: ((name: keyof Store) => void) | undefined;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  keys(): string[] {
    return [...this.#entries.keys()].filter((key) => this.#find(key) !== undefined);
  }

  clear(): void {
    this.#entries.clear();
  }

  async get(key: string): Promise<Buffer | undefined> {
    this.#begin('get');
    return this.#find(key);
  }

  async set(key: string, value: Buffer, ttlMs: number): Promise<void> {
    this.#begin('set');
    this.#put(key, value, ttlMs);
  }

  async setIfAbsent(key: string, value: Buffer, ttlMs: number): Promise<boolean> {
    this.#begin('setIfAbsent');
    if (this.#find(key) !== undefined) return false;
    this.#put(key, value, ttlMs);
    return true;
  }

  async replace(key: string, expected: Buffer, value: Buffer, ttlMs: number): Promise<boolean> {
    this.#begin('replace');
    if (this.#find(key)?.equals(expected) !== true) return false;
    this.#put(key, value, ttlMs);
    return true;
  }

  async deleteIf(key: string, expected: Buffer): Promise<boolean> {
    this.#begin('deleteIf');
    return this.#find(key)?.equals(expected) === true && this.#entries.delete(key);
  }

  #begin(name: keyof Store): void {
    this.onOperation?.(name);
    if (this.failure !== undefined) throw this.failure;
  }

  #find(key: string): Buffer | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && this.#clock.now() < entry.untilMs ? entry.value : undefined;
  }

  #put(key: string, value: Buffer, ttlMs: number): void {
    this.#entries.set(key, { value, untilMs: this.#clock.now() + ttlMs });
  }
}
