/** Request ids: unique, and as cheap as counting. */

/** Where the last group of a UUID begins; it has 12 digits. */
const LAST_GROUP = 24;
const DIGITS = 12;

/**
 * Ids in the form of a UUID, whose last group counts: they name requests and guard nothing, so they need not be hard to
 * guess, and a random one for each call would cost more than all counters together.
 * @param seed a random UUID, which no other process has.
 */
export function createRequestIds(seed: string): () => string {
  const prefix = seed.slice(0, LAST_GROUP);
  let count = 0;
  return () => {
    count += 1;
    return prefix + count.toString(16).padStart(DIGITS, '0');
  };
}
