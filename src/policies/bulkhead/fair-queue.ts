/**
 * The bulkhead's waiting lines by key: each value of a header has a small limit of its own, and a line of its own
 * behind it, so that one caller's flood costs the others neither slots nor places in the queue.
 */
import { Heap } from '../../lib/heap.js';
import { combinedValue } from '../../http/fields.js';
import type { Off } from '../../core/options.js';
import type { PolicyContext } from '../../core/policy.js';
import type { PerKeyOptions } from './options.js';
import { Line, type Queue, type Waiter, type Waiting } from './waiting-line.js';

/** Longer values are remembered by their digest: a key may stay as long as one call after the other uses it. */
const MAX_KEY_LENGTH = 64;

/** All calls with one value of the header that hold a slot or wait. */
class KeyLine extends Line {
  readonly key: string;
  /** Slots held. */
  active = 0;

  constructor(key: string, release: () => void) {
    super(release);
    this.key = key;
  }

  /** Calls that wait for their first slot. */
  get newcomers(): number {
    return this.length - this.returns;
  }
}

const cameFirst = (a: KeyLine, b: KeyLine) => a.first!.arrival < b.first!.arrival;

/** By newcomers. Of lines of one length, that whose last has lost the least time by waiting. */
const isLonger = (a: KeyLine, b: KeyLine) =>
  a.newcomers === b.newcomers ? a.last!.arrival > b.last!.arrival : a.newcomers > b.newcomers;

/**
 * A free slot goes to the first, in order of arrival, whose key is below its limit; calls that had a slot before come
 * first, and are never pushed out. A full queue takes a place from the longest line for a newcomer whose line is shorter
 * even with it (P. McKenney, "Stochastic Fairness Queueing", 1990; with the keys themselves instead of hashed ones,
 * because only those in use are kept).
 * Each operation takes O(log n) in the number of keys in use, however many calls wait.
 */
export class FairQueue implements Queue {
  readonly #giveBack: () => void;
  readonly #hash: PolicyContext['hash'];
  #options: PerKeyOptions;
  readonly #header: string;
  /** Exactly the keys that hold a slot or wait: no more than there are slots and places. */
  readonly #lines = new Map<string, KeyLine>();
  /** Lines below their limit in which a call waits, that of the first arrival first. */
  readonly #ready = new Heap(cameFirst);
  /** Lines with newcomers, the longest first. */
  readonly #crowded = new Heap(isLonger);
  #length = 0;
  #returns = 0;

  /** @param giveBack returns a slot to those that all share. */
  constructor(options: PerKeyOptions, giveBack: () => void, hash: PolicyContext['hash']) {
    this.#options = options;
    this.#header = options.header.toLowerCase();
    this.#giveBack = giveBack;
    this.#hash = hash;
  }

  get length(): number {
    return this.#length;
  }

  get returns(): number {
    return this.#returns;
  }

  /** Keys that are remembered. */
  get keys(): number {
    return this.#lines.size;
  }

  configure(options: PerKeyOptions | Off): boolean {
    if (options === 'off' || options.header.toLowerCase() !== this.#header) return false;
    this.#options = options;
    for (const line of this.#lines.values()) this.#settle(line);
    return true;
  }

  lineOf(call: Waiting): KeyLine {
    const value = combinedValue(call.headers, this.#header) ?? '';
    // No value of a field ends in a space (RFC 9110, section 5.5), so none passes for another one's digest.
    const key = value.length > MAX_KEY_LENGTH ? `${this.#hash(value)} ` : value;
    return this.#lines.get(key) ?? this.#createLine(key);
  }

  tryEnter(line: KeyLine): boolean {
    if (!this.#hasRoom(line)) return false;
    line.active++;
    this.#settle(line);
    return true;
  }

  add(waiter: Waiter, line: KeyLine): void {
    line.add(waiter);
    this.#length++;
    if (waiter.arrival < 0) this.#returns++;
    this.#settle(line);
  }

  remove(waiter: Waiter): void {
    const line = waiter.line as KeyLine;
    line.remove(waiter);
    this.#length--;
    if (waiter.arrival < 0) this.#returns--;
    this.#settle(line);
  }

  enterNext(): Waiter | undefined {
    const line = this.#ready.first;
    if (line === undefined) return undefined;
    line.active++;
    return line.first;
  }

  findVictim(line: KeyLine): Waiter | undefined {
    const longest = this.#crowded.first;
    if (longest === undefined || longest.newcomers <= line.newcomers + 1) return undefined;
    return longest.last;
  }

  bottleneck(line: KeyLine): string | undefined {
    if (this.#hasRoom(line)) return undefined;
    const { header, maxConcurrent } = this.#options;
    const whose = line.key === '' ? `calls without ${header}` : `one value of ${header}`;
    return `${maxConcurrent} slots that its bulkhead has for ${whose}`;
  }

  waiters(): Waiter[] {
    return [...this.#lines.values()]
      .flatMap((line) => line.waiters())
      .toSorted((a, b) => a.arrival - b.arrival);
  }

  #createLine(key: string): KeyLine {
    const line = new KeyLine(key, () => {
      line.active--;
      this.#settle(line);
      this.#giveBack();
    });
    return line;
  }

  #hasRoom(line: KeyLine): boolean {
    return line.active < this.#options.maxConcurrent;
  }

  /** Puts the line where it belongs after a change. */
  #settle(line: KeyLine): void {
    const { key, active, length } = line;
    if (active + length === 0) this.#lines.delete(key);
    else this.#lines.set(key, line);
    if (line.newcomers === 0) this.#crowded.delete(line);
    else this.#crowded.put(line);
    if (length === 0 || !this.#hasRoom(line)) this.#ready.delete(line);
    else this.#ready.put(line);
  }
}
