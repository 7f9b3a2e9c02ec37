/** A binary heap whose members may change their rank, or leave, at any time: both in O(log n). */

export class Heap<Item extends object> {
  readonly #isBefore: (a: Item, b: Item) => boolean;
  readonly #items: Item[] = [];
  /** Where each member stands in `#items`. */
  readonly #places = new Map<Item, number>();

  /** @param isBefore a strict order; what it compares may change only right before the item is `put` or deleted. */
  constructor(isBefore: (a: Item, b: Item) => boolean) {
    this.#isBefore = isBefore;
  }

  get size(): number {
    return this.#items.length;
  }

  get first(): Item | undefined {
    return this.#items[0];
  }

  /** Adds the item, or moves it to where it belongs by now. */
  put(item: Item): void {
    const place = this.#places.get(item) ?? this.#items.length;
    this.#sift(item, place);
  }

  /** Does nothing with an item that is not in it. */
  delete(item: Item): void {
    const place = this.#places.get(item);
    if (place === undefined) return;
    this.#places.delete(item);
    const last = this.#items.pop()!;
    if (last !== item) this.#sift(last, place);
  }

  /** Puts the item at the place, and then up or down until its neighbours are in order. */
  #sift(item: Item, place: number): void {
    let hole = place;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (!this.#isBefore(item, this.#items[parent]!)) break;
      this.#fill(hole, this.#items[parent]!);
      hole = parent;
    }
    for (;;) {
      const child = this.#firstChild(hole);
      if (child === undefined || !this.#isBefore(this.#items[child]!, item)) break;
      this.#fill(hole, this.#items[child]!);
      hole = child;
    }
    this.#fill(hole, item);
  }

  #firstChild(place: number): number | undefined {
    const left = 2 * place + 1;
    const right = left + 1;
    if (left >= this.#items.length) return undefined;
    if (right >= this.#items.length) return left;
    return this.#isBefore(this.#items[right]!, this.#items[left]!) ? right : left;
  }

  #fill(place: number, item: Item): void {
    this.#items[place] = item;
    this.#places.set(item, place);
  }
}
