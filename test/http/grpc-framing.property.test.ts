import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import { GrpcFraming } from '../../src/http/grpc-framing.js';

function message(length: number): Buffer {
  const bytes = Buffer.alloc(5 + length, 0xff);
  bytes[0] = 0;
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

t.test('is between messages exactly where one has ended, however the bytes are cut', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 300 })), { maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }),
      (lengths, cuts) => {
        const body = Buffer.concat(lengths.map(message));
        const ends = new Set([0]);
        let end = 0;
        for (const length of lengths) ends.add((end += 5 + length));
        const framing = new GrpcFraming();
        assert.equal(framing.isBetween, true);
        for (let at = 0, i = 0; at < body.length; i++) {
          const chunk = body.subarray(at, at + cuts[i % cuts.length]!);
          framing.follow(chunk);
          at += chunk.length;
          assert.equal(framing.isBetween, ends.has(at), `at ${at}`);
        }
      },
    ),
  );
});

t.test('knows lengths of more than 2 GiB', async (t) => {
  const framing = new GrpcFraming();
  framing.follow(Uint8Array.of(1, 0xff, 0xff, 0xff, 0xff));
  const piece = new Uint8Array(2 ** 20);
  for (let i = 0; i < 4095; i++) framing.follow(piece);
  framing.follow(piece.subarray(2));
  t.equal(framing.isBetween, false);
  framing.follow(piece.subarray(0, 1));
  t.equal(framing.isBetween, true);
});
