import { PassThrough, Readable } from 'node:stream';
import t from 'tap';
import { readAll } from '../../src/inbound/read-all.js';

t.test('returns all pieces that a stream holds, and lets it end', async (t) => {
  for (const pieces of [[], ['one'], ['one', 'two', 'three']]) {
    const stream = new PassThrough();
    for (const piece of pieces) stream.write(piece);
    stream.end();
    const expected = pieces.length === 0 ? null : pieces.join('');
    t.equal(readAll(stream)?.toString() ?? null, expected);
    await new Promise((resolve) => stream.resume().once('end', resolve));
  }
});

t.test('a stream that has not ended goes on', async (t) => {
  const stream = new Readable({ read() {} });
  stream.push('one');
  stream.push('two');
  t.equal(readAll(stream)?.toString(), 'onetwo');
  t.equal(readAll(stream), null);
  stream.push('three');
  t.equal(readAll(stream)?.toString(), 'three');
});
