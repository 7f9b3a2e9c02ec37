import t from 'tap';
import {
  BATCH,
  EncodedSpans,
  MAX_BYTES,
  PART,
} from '../../../src/telemetry/trace/encoded-spans.js';

/** @param sizes of the parts, in bytes. */
function open(...sizes: number[]): EncodedSpans {
  const encoded = new EncodedSpans();
  for (const size of sizes) encoded.add(new Uint8Array(size), PART);
  return encoded;
}

t.test('a request has as many spans as a batch', async (t) => {
  const encoded = open(...Array<number>(BATCH / PART - 1).fill(1));
  t.notOk(encoded.isFull);
  encoded.add(new Uint8Array(1), PART);
  t.ok(encoded.isFull);
  encoded.add(new Uint8Array(1), 3);
  t.equal(encoded.take().spans, BATCH);
  t.equal(encoded.count, 3);
  t.notOk(encoded.isFull);
});

t.test('a request of long spans has fewer of them', async (t) => {
  const encoded = open(MAX_BYTES / 2, MAX_BYTES / 4, MAX_BYTES / 4, 1);
  t.ok(encoded.isFull);
  t.match(encoded.take(), { parts: { length: 3 }, spans: 3 * PART });
  t.notOk(encoded.isFull);
  t.match(encoded.take(), { parts: { length: 1 }, spans: PART });
  t.equal(encoded.count, 0);
});

t.test('a part that is too long alone is sent alone', async (t) => {
  const encoded = open(MAX_BYTES + 1, 1);
  t.match(encoded.take(), { parts: { length: 1 }, spans: PART });
  t.match(encoded.take(), { parts: { length: 1 }, spans: PART });
});

t.test('nothing is left of what is cleared', async (t) => {
  const encoded = open(MAX_BYTES, 1);
  encoded.clear();
  t.equal(encoded.count, 0);
  t.notOk(encoded.isFull);
  t.same(encoded.take(), { parts: [], spans: 0 });
});
