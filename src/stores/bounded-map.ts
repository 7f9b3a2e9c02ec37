/** Values under keys, bounded in bytes of real memory, each with an end of its own. */
import type { Clock } from '../core/clock.js';
import { lengthOf, type Value } from '../core/store.js';
import { BlockArena } from './block-arena.js';

/** What an entry costs on the heap beside its value's blocks: measured, with the key's own characters on top. */
const ENTRY_BYTES = 256;

/** Least time between searches for what has ended, in ms: they take a while where there are many entries. */
const SWEEP_MS = 1000;

const costOf = (key: string, length: number) =>
  BlockArena.sizeOf(length) + ENTRY_BYTES + 2 * key.length;

interface Entry {
  readonly first: number;
  readonly length: number;
  readonly cost: number;
  readonly endMs: number;
}

/** Pinned entries stay until they are deleted or their time is over; of the others the least recently used make room. */
export class BoundedMap {
  readonly #clock: Clock;
  #maxBytes: number;
  #arena: BlockArena;
  /** The least recently used comes first. */
  #loose = new Map<string, Entry>();
  #pinned = new Map<string, Entry>();
  #bytes = 0;
  #pinnedBytes = 0;
  #sweptAtMs = -Infinity;

  constructor(maxBytes: number, clock: Clock) {
    this.#clock = clock;
    this.#maxBytes = maxBytes;
    this.#arena = new BlockArena(maxBytes);
  }

  /** @returns a copy. */
  get(key: string): Buffer | undefined {
    const entry = this.#find(key);
    if (entry === undefined) return undefined;
    if (this.#loose.delete(key)) this.#loose.set(key, entry);
    return this.#arena.read(entry.first, entry.length);
  }

  /** @returns false where there is no room: everything is then as it was. */
  put(key: string, value: Value, ttlMs: number, isPinned = false): boolean {
    const length = lengthOf(value);
    const cost = costOf(key, length);
    const before = this.#find(key);
    if (!this.#makeRoom(cost, key, before)) return false;
    if (before !== undefined) this.delete(key);
    const first = this.#arena.write(value);
    const endMs = this.#clock.now() + ttlMs;
    (isPinned ? this.#pinned : this.#loose).set(key, { first, length, cost, endMs });
    this.#bytes += cost;
    if (isPinned) this.#pinnedBytes += cost;
    return true;
  }

  /** Whether it would fit if there were nothing else. */
  couldHold(key: string, value: Value): boolean {
    return costOf(key, lengthOf(value)) <= this.#maxBytes;
  }

  delete(key: string): boolean {
    const isPinned = this.#pinned.has(key);
    const entries = isPinned ? this.#pinned : this.#loose;
    const entry = entries.get(key);
    if (entry === undefined) return false;
    entries.delete(key);
    this.#arena.free(entry.first);
    this.#bytes -= entry.cost;
    if (isPinned) this.#pinnedBytes -= entry.cost;
    return true;
  }

  /** Keeps what fits: pinned entries in any case, then the most recently used. */
  resize(maxBytes: number): void {
    if (maxBytes === this.#maxBytes) return;
    this.#maxBytes = maxBytes;
    this.#dropEnded();
    for (const key of this.#loose.keys()) {
      if (this.#bytes <= maxBytes) break;
      this.delete(key);
    }
    // Into memory of the new size: what is left lies scattered over all of the old.
    const old = this.#arena;
    this.#arena = new BlockArena(maxBytes);
    const move = ([key, entry]: [string, Entry]): [string, Entry] => [
      key,
      { ...entry, first: this.#arena.write([old.read(entry.first, entry.length)]) },
    ];
    this.#loose = new Map([...this.#loose].map(move));
    this.#pinned = new Map([...this.#pinned].map(move));
  }

  clear(): void {
    this.#loose.clear();
    this.#pinned.clear();
    this.#bytes = 0;
    this.#pinnedBytes = 0;
    this.#arena = new BlockArena(this.#maxBytes);
  }

  #find(key: string): Entry | undefined {
    const entry = this.#pinned.get(key) ?? this.#loose.get(key);
    if (entry === undefined || this.#clock.now() < entry.endMs) return entry;
    this.delete(key);
    return undefined;
  }

  /** @param before what the entry of `key` takes the place of. */
  #makeRoom(cost: number, key: string, before: Entry | undefined): boolean {
    const own = before?.cost ?? 0;
    const ownPinned = this.#pinned.has(key) ? own : 0;
    const isDue = this.#clock.now() - this.#sweptAtMs >= SWEEP_MS;
    // What has ended goes before the least recently used, which may be needed for long.
    if (isDue && this.#bytes - own + cost > this.#maxBytes) this.#dropEnded();
    // Pinned entries may take more than there is after a resize; each of them has its own place still.
    if (cost > ownPinned && this.#pinnedBytes - ownPinned + cost > this.#maxBytes) return false;
    for (const each of this.#loose.keys()) {
      if (this.#bytes - own + cost <= this.#maxBytes) break;
      if (each !== key) this.delete(each);
    }
    return true;
  }

  #dropEnded(): void {
    const nowMs = this.#clock.now();
    this.#sweptAtMs = nowMs;
    for (const entries of [this.#pinned, this.#loose]) {
      for (const [key, { endMs }] of entries) if (endMs <= nowMs) this.delete(key);
    }
  }
}
