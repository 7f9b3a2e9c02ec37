/** Which mutants of all are run: as many of each folder as its size asks for, and the same ones for the same seed. */
import { createHash } from 'node:crypto';

/**
 * Puts items into an order that only depends on their names and the seed. So a mutant keeps its place when others come and go, and a
 * sample can be compared with that of an earlier version.
 */
export function shuffle<T>(items: readonly T[], seed: number, nameOf: (item: T) => string): T[] {
  const keyed = items.map((item) => ({
    item,
    key: createHash('sha256')
      .update(`${seed} ${nameOf(item)}`)
      .digest('hex'),
  }));
  return keyed.toSorted((a, b) => (a.key < b.key ? -1 : 1)).map(({ item }) => item);
}

/**
 * Takes items of several lists in turns. How often a list has its turn goes by the square root of its length, so that small ones are
 * not forgotten. A larger sample has the smaller one in it.
 *
 * @returns at most `count` items, from the beginning of each list.
 */
export function takeInTurns<T>(lists: readonly (readonly T[])[], count: number): T[] {
  const taken: T[] = [];
  const turns = lists.map(() => 0);
  while (taken.length < count) {
    // The list that is furthest behind, as seats are given to parties: by the highest average.
    let next = -1;
    let highest = 0;
    for (const [i, { length }] of lists.entries()) {
      const average = Math.sqrt(length) / (turns[i]! + 1);
      if (turns[i]! < length && average > highest) [next, highest] = [i, average];
    }
    if (next === -1) break;
    taken.push(lists[next]![turns[next]!]!);
    turns[next]! += 1;
  }
  return taken;
}
