/** Request ids: unique, and as cheap as counting. */

/** Where the last group of a UUID begins; it has 12 digits. */
const LAST_GROUP = 24;

/** Digits that change with each id, and those before them. */
const LOW_DIGITS = 4;
const HIGH_DIGITS = 8;
const LOW_COUNT = 16 ** LOW_DIGITS;

const hexadecimal = (value: number, digits: number) => value.toString(16).padStart(digits, '0');

/** All pairs of digits: putting two together takes less time than formatting a number. */
const PAIRS = Array.from({ length: 256 }, (_, byte) => hexadecimal(byte, 2));

/**
 * Ids in the form of a UUID, whose last group counts: they name requests and guard nothing, so they need not be hard to
 * guess, and a random one for each call would cost more than all counters together.
 * @param seed a random UUID, which no other process has.
 */
export function createRequestIds(seed: string): () => string {
  const prefix = seed.slice(0, LAST_GROUP);
  let high = 0;
  let low = 0;
  let start = prefix + hexadecimal(high, HIGH_DIGITS);
  return () => {
    low += 1;
    if (low === LOW_COUNT) {
      low = 0;
      high += 1;
      start = prefix + hexadecimal(high, HIGH_DIGITS);
    }
    return start + PAIRS[low >> 8]! + PAIRS[low & 255]!;
  };
}
