/** Short lists of what happened last. */

/** Entries that are kept of each kind. */
export const KEPT = 20;

/** A list of the last so many, newest first when it is read. */
export class LastFew<Item> {
  #items: Item[] | undefined;

  add(item: Item): void {
    const items = (this.#items ??= []);
    if (items.length === KEPT) items.shift();
    items.push(item);
  }

  get newest(): Item | undefined {
    return this.#items?.at(-1);
  }

  list(): Item[] {
    return this.#items?.toReversed() ?? [];
  }
}
