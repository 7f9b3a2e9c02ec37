import * as fc from 'fast-check';
import t from 'tap';
import { decodeHeaders } from '../../src/proxy/headers.js';

t.test('fields as they came from the parser', async (t) => {
  t.test('it decodes them alike, wherever their bytes lie', async (t) => {
    const pieces = [Buffer.alloc(64), Buffer.alloc(64)].map((piece) =>
      piece.map((_, index) => (index * 7 + 130) % 256),
    );
    const view = fc.tuple(fc.nat(1), fc.nat(63), fc.nat(20)).map(([piece, start, length]) => {
      const { buffer, byteOffset } = pieces[piece]!;
      return Buffer.from(buffer, byteOffset + start, Math.min(length, 64 - start));
    });
    const inOrder = fc.array(fc.tuple(fc.nat(4), fc.nat(6)), { maxLength: 6 }).map((steps) => {
      const { buffer, byteOffset } = pieces[0]!;
      let end = byteOffset;
      return steps.map(([gap, length]) => {
        const start = end + gap;
        end = start + length;
        return Buffer.from(buffer, start, length);
      });
    });
    const text = fc.constantFrom('plain', '');
    fc.assert(
      fc.property(fc.oneof(inOrder, fc.array(fc.oneof(view, text))), (raw) => {
        t.strictSame(
          decodeHeaders(raw),
          raw.map((part) => part.toString('latin1' as never)),
        );
      }),
    );
  });
});
