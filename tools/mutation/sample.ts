/** Which mutants of all are run: as many of each folder as its size asks for, and the same ones for the same seed. */

/** From 0 up to 1, as `Math.random`. */
export type Random = () => number;

/** All orders are equally likely (Knuth, TAOCP 2, algorithm 3.4.2P). */
export function shuffle<T>(items: readonly T[], random: Random): T[] {
  const shuffled = [...items];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const other = Math.floor(random() * (i + 1));
    [shuffled[i], shuffled[other]] = [shuffled[other]!, shuffled[i]!];
  }
  return shuffled;
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
