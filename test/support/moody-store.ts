/** A store in a Map, on the test's clock, that fails or hangs when the test says so. */
import type { Store } from '../../src/core/store.js';
import type { FakeClock } from './fake-clock.js';

interface Kept {
  readonly value: Buffer;
  readonly endMs: number;
}

export class MoodyStore implements Store {
  readonly entries = new Map<string, Kept>();
  /** What every operation does. */
  mode: 'works' | 'rejects' | 'hangs' = 'works';
  readonly #hung: (() => void)[] = [];
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  /** Lets go on what hangs. */
  release(): void {
    this.mode = 'works';
    for (const resolve of this.#hung.splice(0)) resolve();
  }

  async get(key: string): Promise<Buffer | undefined> {
    await this.#pass();
    return this.#read(key);
  }

  async set(key: string, value: Buffer, ttlMs: number): Promise<void> {
    await this.#pass();
    this.#write(key, value, ttlMs);
  }

  async setIfAbsent(key: string, value: Buffer, ttlMs: number): Promise<boolean> {
    await this.#pass();
    if (this.#read(key) !== undefined) return false;
    this.#write(key, value, ttlMs);
    return true;
  }

  async replace(key: string, expected: Buffer, value: Buffer, ttlMs: number): Promise<boolean> {
    await this.#pass();
    if (this.#read(key)?.equals(expected) !== true) return false;
    this.#write(key, value, ttlMs);
    return true;
  }

  async deleteIf(key: string, expected: Buffer): Promise<boolean> {
    await this.#pass();
    return this.#read(key)?.equals(expected) === true && this.entries.delete(key);
  }

  #read(key: string): Buffer | undefined {
    const kept = this.entries.get(key);
    return kept !== undefined && kept.endMs > this.#clock.now() ? kept.value : undefined;
  }

  #write(key: string, value: Buffer, ttlMs: number): void {
    this.entries.set(key, { value, endMs: this.#clock.now() + ttlMs });
  }

  async #pass(): Promise<void> {
    if (this.mode === 'rejects') throw new Error('the store is away');
    if (this.mode !== 'hangs') return;
    await new Promise<void>((resolve) => {
      this.#hung.push(resolve);
    });
  }
}
