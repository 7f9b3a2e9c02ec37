/** The order in which `round-robin` goes through endpoints: prepared, so that a pick costs O(1). */

/** Longest order, where weights ask for a longer one; it is never shorter than the number of endpoints. */
const MAX_TURNS = 32_768;
/** Of the 53 bits of a whole number: so many for the index, and 32 for the time. */
const INDEX_RANGE = 2 ** 20;
const TIME_RANGE = 2 ** 32;
/** Multiples of it, without their whole part, lie far from each other. */
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

/**
 * One period, as indexes of `weights`. Each index has as many turns as its weight, divided by the greatest common divisor of
 * all. They are at equal distances in time (earliest deadline first), and each index begins at another time, so that those
 * of one weight do not come in a row.
 *
 * @param weights above 0, at least one and fewer than 2^20.
 */
export function prepareTurns(weights: readonly number[]): Uint32Array {
  const counts = countTurns(weights);
  const turns = new Float64Array(counts.reduce((sum, count) => sum + count, 0));
  let at = 0;
  for (const [index, count] of counts.entries()) {
    const phase = (0.5 + index * GOLDEN_RATIO) % 1;
    for (let turn = 0; turn < count; turn++) {
      // One number, because typed arrays sort numbers much faster than a comparison function does.
      const time = Math.floor(((turn + phase) / count) * TIME_RANGE);
      turns[at++] = time * INDEX_RANGE + index;
    }
  }
  return Uint32Array.from(turns.toSorted(), (turn) => turn % INDEX_RANGE);
}

/** How many turns of a period each has: exactly by weight where that is a period of `MAX_TURNS` at most. */
function countTurns(weights: readonly number[]): readonly number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (weights.every(Number.isSafeInteger)) {
    const divisor = weights.reduce(greatestCommonDivisor);
    if (total / divisor <= MAX_TURNS) return weights.map((weight) => weight / divisor);
  }
  return weights.map((weight) => Math.max(1, Math.round((weight / total) * MAX_TURNS)));
}

function greatestCommonDivisor(a: number, b: number): number {
  let [high, low] = [a, b];
  while (low > 0) [high, low] = [low, high % low];
  return high;
}
