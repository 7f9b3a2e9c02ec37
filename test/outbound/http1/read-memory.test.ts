/** Memory that sockets read into, and how it is used again. */
import t from 'tap';
import { copyOf, READ_BYTES, ReadMemory } from '../../../src/outbound/http1/read-memory.js';

t.test('a socket reads into the same memory until something of it is kept', async (t) => {
  const memory = new ReadMemory();
  const first = memory.current;
  t.equal(first.length, READ_BYTES);
  t.equal(memory.current, first);
  memory.keep();
  t.not(memory.current, first, 'what was read stays as it is');
});

t.test('memory that is given back is the next to be used', async (t) => {
  const memory = new ReadMemory();
  const first = memory.current;
  const release = memory.keep();
  release();
  memory.keep();
  t.equal(memory.current, first);
});

t.test('it is given back once, so that no two sockets read into it', async (t) => {
  const memory = new ReadMemory();
  const first = memory.current;
  const release = memory.keep();
  release();
  release();
  const [a, b] = [new ReadMemory(), new ReadMemory()];
  t.equal([a, b].filter(({ current }) => current === first).length, 1);
});

t.test('no more than 4 MiB wait for their next use', async (t) => {
  const memory = new ReadMemory();
  const most = (4 * 1024 * 1024) / READ_BYTES;
  const kept = Array.from({ length: most + 10 }, () => {
    const block = memory.current;
    return { block, release: memory.keep() };
  });
  for (const { release } of kept) release();
  const given = new Set(kept.map(({ block }) => block));
  const taken = Array.from({ length: most + 10 }, () => new ReadMemory().current);
  t.equal(taken.filter((block) => given.has(block)).length, most);
});

t.test(
  'parts are copied into one buffer; a long one has memory of its own, to be given back',
  async (t) => {
    const copies: { memory: ArrayBufferLike; release: unknown }[] = [];
    const copy = (...lengths: number[]) => {
      const parts = lengths.map((length, i) => Buffer.alloc(length, 'abc'[i]));
      copyOf(parts, (bytes, release) => {
        t.equal(bytes.toString(), parts.join(''));
        copies.push({ memory: bytes.buffer, release });
        release?.();
      });
      return copies.at(-1)!;
    };
    t.equal(copy(2, 3).release, undefined);
    t.equal(copy(2000, 2095).release, undefined, 'less than 4 KiB');
    const short = copy(2000, 2096);
    t.type(short.release, 'function');
    t.equal(copy(10_000, 6384).memory, short.memory, 'up to 16 KiB the same memory is used again');
    const long = copy(10_000, 6385);
    t.not(long.memory, short.memory);
    t.equal(copy(READ_BYTES).memory, long.memory);
  },
);
