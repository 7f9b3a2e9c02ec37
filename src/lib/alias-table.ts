/** Draws an index in proportion to its weight, in O(1): the alias method of Walker, built as Vose does it. */

/**
 * A column for each index, all equally wide. A column belongs to its index up to a mark, and above it to one other index.
 * Building costs O(n); a draw takes one random number and allocates nothing.
 */
export class AliasTable {
  /** Up to where a column belongs to its own index, from 0 to 1. */
  readonly #marks: Float64Array;
  readonly #others: Uint32Array;

  /** @param weights above 0, at least one. */
  constructor(weights: readonly number[]) {
    const { length } = weights;
    const average = weights.reduce((sum, weight) => sum + weight, 0) / length;
    const shares = Float64Array.from(weights, (weight) => weight / average);
    // What no other index tops up is a whole column, but for rounding.
    this.#marks = new Float64Array(length).fill(1);
    this.#others = new Uint32Array(length);
    const small: number[] = [];
    const large: number[] = [];
    for (let index = 0; index < length; index++) (shares[index]! < 1 ? small : large).push(index);
    while (small.length > 0 && large.length > 0) {
      const low = small.pop()!;
      const high = large.at(-1)!;
      this.#marks[low] = shares[low]!;
      this.#others[low] = high;
      shares[high] = shares[high]! - (1 - shares[low]!);
      if (shares[high] < 1) small.push(large.pop()!);
    }
  }

  /** @param chance uniform in [0, 1). */
  draw(chance: number): number {
    const place = chance * this.#marks.length;
    const column = Math.floor(place);
    return place - column < this.#marks[column]! ? column : this.#others[column]!;
  }
}
