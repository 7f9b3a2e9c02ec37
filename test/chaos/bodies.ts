/** Bodies that are told apart, and checked at the other end. */
import { createHash } from 'node:crypto';

/** Of the whole body. */
export const HASH_FIELD = 'x-body-hash';

const LONGEST = 200_000;

/** Not compressible, and different at each place. */
export function makeBody(random: () => number): Buffer {
  // Short ones are as frequent as long ones.
  const length = Math.floor(2 ** (random() * Math.log2(LONGEST)));
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = Math.floor(random() * 2 ** 32);
  for (let i = 0; i < words.length; i++)
    words[i] = state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Buffer.from(words.buffer, 0, length);
}

export const hashOf = (body: Buffer): string => createHash('sha256').update(body).digest('hex');
