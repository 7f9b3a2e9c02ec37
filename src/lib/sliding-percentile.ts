/** An exact percentile of the last so many values: two heaps that meet at it (the idea of the running median). */

/** A heap of slots, ordered by their values: the least first, or, with `sign` -1, the greatest. */
class SlotHeap {
  readonly #values: Float64Array;
  readonly #sign: 1 | -1;
  readonly #slots: Int32Array;
  /** Where in the heap each slot is, so that one can leave from anywhere; -1 where it is not. */
  readonly #positions: Int32Array;
  size = 0;

  constructor(values: Float64Array, sign: 1 | -1) {
    this.#values = values;
    this.#sign = sign;
    this.#slots = new Int32Array(values.length);
    this.#positions = new Int32Array(values.length).fill(-1);
  }

  /** The slot that comes first; only of a heap that is not empty. */
  get first(): number {
    return this.#slots[0]!;
  }

  has(slot: number): boolean {
    return this.#positions[slot]! >= 0;
  }

  add(slot: number): void {
    this.#rise(this.size++, slot);
  }

  remove(slot: number): void {
    const position = this.#positions[slot]!;
    this.#positions[slot] = -1;
    const last = this.#slots[--this.size]!;
    if (last === slot) return;
    // The slot that fills the gap may belong above it or below it.
    this.#rise(position, last);
    this.#sink(this.#positions[last]!, last);
  }

  #isBefore(a: number, b: number): boolean {
    return this.#sign * (this.#values[a]! - this.#values[b]!) < 0;
  }

  #put(position: number, slot: number): void {
    this.#slots[position] = slot;
    this.#positions[slot] = position;
  }

  #rise(from: number, slot: number): void {
    let position = from;
    while (position > 0) {
      const parent = (position - 1) >> 1;
      const above = this.#slots[parent]!;
      if (!this.#isBefore(slot, above)) break;
      this.#put(position, above);
      position = parent;
    }
    this.#put(position, slot);
  }

  #sink(from: number, slot: number): void {
    let position = from;
    for (;;) {
      let child = 2 * position + 1;
      if (child >= this.size) break;
      if (child + 1 < this.size && this.#isBefore(this.#slots[child + 1]!, this.#slots[child]!)) {
        child++;
      }
      const below = this.#slots[child]!;
      if (!this.#isBefore(below, slot)) break;
      this.#put(position, below);
      position = child;
    }
    this.#put(position, slot);
  }
}

/** Shares such as 99.9% of 1000 come out slightly above the whole number that they are. */
const ROUNDING = 1e-9;

/**
 * Nearest rank: of n values the ceil(percentile / 100 x n)-th from below, so always one of them. `#low` holds the values
 * up to that rank, `#high` those beyond. Recording costs O(log window), reading O(1); neither allocates.
 */
export class SlidingPercentile {
  readonly #percentile: number;
  /** A ring, in the order of recording. */
  readonly #values: Float64Array;
  readonly #low: SlotHeap;
  readonly #high: SlotHeap;
  #next = 0;
  #count = 0;

  /**
   * @param percentile from 1 to 100.
   * @param window how many values count, at least 1.
   */
  constructor(percentile: number, window: number) {
    this.#percentile = percentile;
    this.#values = new Float64Array(window);
    this.#low = new SlotHeap(this.#values, -1);
    this.#high = new SlotHeap(this.#values, 1);
  }

  /** Values in the window. */
  get count(): number {
    return this.#count;
  }

  /** Undefined before the first record. */
  get value(): number | undefined {
    return this.#low.size === 0 ? undefined : this.#values[this.#low.first];
  }

  /** @param value a number, not NaN; in a full window it takes the place of the oldest. */
  record(value: number): void {
    const slot = this.#next;
    this.#next = (slot + 1) % this.#values.length;
    if (this.#count < this.#values.length) this.#count++;
    else (this.#low.has(slot) ? this.#low : this.#high).remove(slot);
    this.#values[slot] = value;
    const isLow = this.#low.size > 0 && value < this.#values[this.#low.first]!;
    (isLow ? this.#low : this.#high).add(slot);
    this.#balance();
  }

  /** The values, oldest first. */
  *[Symbol.iterator](): Generator<number> {
    const { length } = this.#values;
    for (let i = this.#count; i > 0; i--) yield this.#values[(this.#next - i + length) % length]!;
  }

  #balance(): void {
    const rank = Math.ceil((this.#percentile / 100) * this.#count - ROUNDING);
    while (this.#low.size < rank) move(this.#high, this.#low);
    while (this.#low.size > rank) move(this.#low, this.#high);
  }
}

function move(from: SlotHeap, to: SlotHeap): void {
  const slot = from.first;
  from.remove(slot);
  to.add(slot);
}
