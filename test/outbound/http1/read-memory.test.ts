import t from 'tap';
import type { Chunk } from '../../../src/core/reply.js';
import { copyOf, sharedReadBuffer } from '../../../src/outbound/http1/read-memory.js';

/** A copy of `bytes`, which came in pieces of at most `pieceBytes`. */
function copy(bytes: Buffer, pieceBytes = bytes.length): Chunk {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    pieces.push(bytes.subarray(at, at + pieceBytes));
  }
  let chunk: Chunk | undefined;
  copyOf(pieces, (copied, release) => (chunk = { bytes: copied, release }));
  return chunk!;
}

const filled = (length: number, value: number) => Buffer.alloc(length, value);
const LENGTHS = [1, 4095, 4096, 16_384, 16_385, 49_152, 49_153, 131_072];

t.test(
  'a copy has the bytes of all pieces, and no other copy has them while it is out',
  async (t) => {
    const copies = LENGTHS.flatMap((length, i) => [
      copy(filled(length, i)),
      copy(filled(length, i), 999),
    ]);
    for (const [i, { bytes }] of copies.entries()) {
      t.ok(bytes.equals(filled(LENGTHS[i >> 1]!, i >> 1)), String(bytes.length));
    }
  },
);

t.test('all that one read takes fits', async (t) => {
  t.equal(copy(sharedReadBuffer()).bytes.length, sharedReadBuffer().length);
  t.equal(sharedReadBuffer(), sharedReadBuffer());
});

t.test('memory that was given back is used next', async (t) => {
  for (const length of LENGTHS.filter((each) => each >= 4096)) {
    const first = copy(filled(length, 1));
    const second = copy(filled(length, 2));
    first.release!();
    second.release!();
    t.equal(copy(filled(length, 3)).bytes.buffer, second.bytes.buffer);
    t.equal(copy(filled(length, 4)).bytes.buffer, first.bytes.buffer);
  }
});

t.test('memory that is given back twice is not used by two', async (t) => {
  const { release } = copy(filled(20_000, 1));
  release!();
  release!();
  t.not(copy(filled(20_000, 2)).bytes.buffer, copy(filled(20_000, 3)).bytes.buffer);
});

t.test('short bytes have no memory of their own to give back', async (t) => {
  t.equal(copy(filled(4095, 1)).release, undefined);
});

t.test('what waits for its next use is bounded', async (t) => {
  const copies = Array.from({ length: 40 }, (_, i) => copy(filled(131_072, i)));
  for (const { release } of copies) release!();
  const used = new Set(copies.map(({ bytes }) => bytes.buffer));
  const again = Array.from({ length: 40 }, () => copy(filled(131_072, 0)).bytes.buffer);
  t.equal(again.filter((buffer) => used.has(buffer)).length, 32);
});
