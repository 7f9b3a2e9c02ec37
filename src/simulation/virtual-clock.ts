/** Time that jumps from one event to the next, so that minutes of traffic take seconds. */
import type { Clock, Timer } from '../core/clock.js';

/** Wall time at the clock's zero. */
const WALL_START_MS = 1_800_000_000_000;

/** After this many events the process may read and write, and take signals. */
const BREATH_STEPS = 1000;

/** Cancelled timers are dropped together once there are this many, and more than of others. */
const MANY_CANCELLED = 1024;

class Entry implements Timer {
  readonly atMs: number;
  readonly order: number;
  /** Undefined once it was cancelled. */
  callback: (() => void) | undefined;
  readonly #onCancel: () => void;

  constructor(atMs: number, order: number, callback: () => void, onCancel: () => void) {
    this.atMs = atMs;
    this.order = order;
    this.callback = callback;
    this.#onCancel = onCancel;
  }

  cancel(): void {
    if (this.callback === undefined) return;
    this.callback = undefined;
    this.#onCancel();
  }
}

const isBefore = (a: Entry, b: Entry) =>
  a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

/** A binary heap of timers. Most are cancelled long before their time: they stay for a while, and are dropped many at a time. */
export class VirtualClock implements Clock {
  #nowMs = 0;
  #order = 0;
  #heap: Entry[] = [];
  /** Of those in the heap. */
  #cancelled = 0;

  now(): number {
    return this.#nowMs;
  }

  wallNow(): number {
    return WALL_START_MS + this.#nowMs;
  }

  schedule(delayMs: number, callback: () => void): Timer {
    return this.scheduleAt(this.#nowMs + delayMs, callback);
  }

  scheduleAt(atMs: number, callback: () => void): Timer {
    const dueMs = Math.max(this.#nowMs, atMs);
    const entry = new Entry(dueMs, this.#order++, callback, this.#onCancel);
    this.#push(entry);
    return entry;
  }

  /** A turn has no length here. */
  atTurnEnd(task: () => void): void {
    task();
  }

  /** Timers that are kept, cancelled or not. */
  get size(): number {
    return this.#heap.length;
  }

  readonly #onCancel = (): void => {
    this.#cancelled += 1;
    if (this.#cancelled < MANY_CANCELLED || this.#cancelled * 2 < this.#heap.length) return;
    this.#cancelled = 0;
    // A list in order is a heap.
    this.#heap = this.#heap
      .filter(({ callback }) => callback !== undefined)
      .toSorted((a, b) => a.atMs - b.atMs || a.order - b.order);
  };

  /** Runs all that falls due up to `untilMs`, in order, and after each event every promise that it settles. */
  run(untilMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      let steps = 0;
      const step = (): void => {
        const next = this.#next(untilMs);
        if (next === undefined) {
          this.#nowMs = Math.max(this.#nowMs, untilMs);
          return resolve();
        }
        this.#nowMs = next.atMs;
        try {
          next.callback();
        } catch (error) {
          return reject(error as Error);
        }
        steps += 1;
        if (steps % BREATH_STEPS === 0) setImmediate(step);
        else settle();
      };
      // A tick that a microtask sets comes after all promise continuations, and costs less than an immediate.
      const settle = (): void => queueMicrotask(() => process.nextTick(step));
      settle();
    });
  }

  #next(untilMs: number): { atMs: number; callback: () => void } | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.atMs > untilMs) return undefined;
      this.#pop();
      const { callback } = first;
      // It has its time now: to cancel it has no effect any more.
      first.callback = undefined;
      if (callback !== undefined) return { atMs: first.atMs, callback };
      this.#cancelled -= 1;
    }
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let i = heap.length;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!isBefore(entry, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = entry;
  }

  /** Drops the first. */
  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
  }
}
