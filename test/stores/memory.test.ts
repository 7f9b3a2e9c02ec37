import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { LastingStoreError } from '../../src/core/store.js';
import { MemoryStore } from '../../src/stores/memory.js';
import { checkStore } from '../support/check-store.js';
import { FakeClock } from '../support/fake-clock.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const MEBIBYTE = 1024 * 1024;
const lock = Buffer.from('lock');

function build({ maxBytes = MEBIBYTE, maxRecordBytes = MEBIBYTE } = {}) {
  const clock = new FakeClock();
  const store = new MemoryStore({ maxBytes, maxRecordBytes, clock });
  const { cache, records } = store;

  /** Those of the keys `prefix0`, `prefix1` ... below `count` that hold something. */
  async function held(prefix: string, count: number): Promise<number[]> {
    const found: number[] = [];
    for (let i = 0; i < count; i++) {
      const key = `${prefix}${i}`;
      const probe = Buffer.from('probe');
      const holder = await records.claim(key, probe, 1000).catch(() => undefined);
      if (holder === undefined) await records.free(key, probe);
      else found.push(i);
    }
    return found;
  }
  return { clock, store, cache, records, held };
}

t.test('is a store', async (t) => {
  const { store, clock } = build();
  await checkStore(t, store, (ms) => clock.advance(ms));
});

t.test('the least recently used makes room', async (t) => {
  const { cache } = build();
  const third = Buffer.alloc(MEBIBYTE / 3 - 1000);
  await cache.set('a', [third], 1000);
  await cache.set('b', [third], 1000);
  await cache.set('c', [third], 1000);
  await cache.get('a');
  await cache.set('d', [third], 1000);
  t.equal(await cache.get('b'), undefined);
  for (const key of ['a', 'c', 'd']) t.ok(await cache.get(key), key);
});

t.test('keys and many small values are counted as well', async (t) => {
  const { cache } = build({ maxBytes: 100_000 });
  for (let i = 0; i < 1000; i++) await cache.set(`key-${i}`, [Buffer.from('v')], 1000);
  let kept = 0;
  for (let i = 0; i < 1000; i++) if ((await cache.get(`key-${i}`)) !== undefined) kept++;
  t.ok(kept > 100 && kept < 200, `${kept} of 1000 are left`);
});

t.test('what is larger than the cache is not kept, and makes nothing else go', async (t) => {
  const { cache } = build({ maxBytes: 2000 });
  const small = Buffer.from('small');
  await cache.set('a', [small], 1000);
  await cache.set('b', [Buffer.alloc(4000)], 1000);
  t.equal(await cache.get('b'), undefined);
  t.same(await cache.get('a'), small);
  await cache.set('a', [Buffer.alloc(4000)], 1000);
  t.equal(await cache.get('a'), undefined, 'the old value is out of date');
});

t.test('no traffic of the cache removes a record or a lock', async (t) => {
  const { cache, records, held } = build({ maxBytes: 100_000, maxRecordBytes: 100_000 });
  await records.claim('k0', lock, 1000);
  await records.claim('k1', lock, 1000);
  await records.keep('k1', lock, [Buffer.from('record')], 1000);
  for (let i = 0; i < 1000; i++) await cache.set(`key-${i}`, [Buffer.alloc(5000)], 1000);
  t.same(await held('k', 2), [0, 1]);
});

t.test('records make room for each other, but locks stay', async (t) => {
  const { records, held } = build({ maxRecordBytes: 20_000 });
  await records.claim('l0', lock, 1000);
  for (let i = 0; i < 100; i++) {
    await records.claim(`r${i}`, lock, 1000);
    await records.keep(`r${i}`, lock, [Buffer.alloc(1000)], 1000);
  }
  t.same(await held('l', 1), [0]);
  const left = await held('r', 100);
  t.ok(left.length > 5 && left.length < 20, `${left.length} records are left`);
  t.equal(left.at(-1), 99);
});

t.test('what has ended makes room before what is still needed', async (t) => {
  const { clock, records, held } = build({ maxRecordBytes: 20_000 });
  const keep = async (key: string, ttlMs: number) => {
    await records.claim(key, lock, 1000);
    await records.keep(key, lock, [Buffer.from('record')], ttlMs);
  };
  await keep('long0', 100_000);
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 20; i++) await keep(`short${round}-${i}`, 500);
    await clock.advance(1000);
  }
  t.same(await held('long', 1), [0]);
});

t.test('where locks fill all there is, a key cannot be taken, and none is lost', async (t) => {
  const { clock, records, held } = build({ maxRecordBytes: 20_000 });
  let taken = 0;
  await t.rejects(async () => {
    for (; taken < 100; taken++) await records.claim(`l${taken}`, lock, 1000);
  }, /no room.*stores\.maxRecordBytes/);
  t.ok(taken > 10);
  t.equal((await held('l', 100)).length, taken);
  t.equal(await records.renew('l0', lock, 1000), true, 'a renewal needs no room');
  await t.rejects(records.keep('l0', lock, [Buffer.alloc(3000)], 1000), /no room/);
  t.same(await records.claim('l0', lock, 1000), lock, 'what could not be kept has its lock still');
  await clock.advance(1000);
  t.equal(await records.claim('new', lock, 1000), undefined, 'locks that are over make room');
});

t.test('a record that never fits is told from one that may fit later', async (t) => {
  const { records } = build({ maxRecordBytes: 20_000 });
  await records.claim('a', lock, 1000);
  const tooLarge = records.keep('a', lock, [Buffer.alloc(20_000)], 1000);
  await t.rejects(tooLarge, new LastingStoreError('it is larger than stores.maxRecordBytes'));
  for (let i = 0; i < 10; i++) await records.claim(`l${i}`, lock, 1000);
  const error = await records
    .keep('a', lock, [Buffer.alloc(15_000)], 1000)
    .catch((why: unknown) => why);
  t.match(error, { message: /no room/ });
  t.notOk(error instanceof LastingStoreError);
});

t.test('another size keeps what fits', async (t) => {
  const { store, cache, records, held } = build();
  for (let i = 0; i < 100; i++) {
    await cache.set(`c${i}`, [Buffer.alloc(5000, i)], 1000);
    await records.claim(`r${i}`, lock, 1000);
    if (i > 4) await records.keep(`r${i}`, lock, [Buffer.alloc(5000, i)], 1000);
  }
  await cache.get('c0');
  store.resize({ maxBytes: 60_000, maxRecordBytes: 60_000 });
  t.ok((await cache.get('c0'))?.equals(Buffer.alloc(5000, 0)), 'the most recently used');
  t.ok((await cache.get('c99'))?.equals(Buffer.alloc(5000, 99)));
  t.equal(await cache.get('c50'), undefined);
  const left = await held('r', 100);
  t.same(left.slice(0, 5), [0, 1, 2, 3, 4], 'every lock');
  t.equal(left.at(-1), 99);
  t.ok(left.length < 17);
  t.equal(await records.keep('r0', lock, [Buffer.from('r')], 1000), true);
  store.resize({ maxBytes: MEBIBYTE, maxRecordBytes: MEBIBYTE });
  t.ok((await cache.get('c99'))?.equals(Buffer.alloc(5000, 99)), 'a larger one keeps everything');
});

t.test('locks that fill more than a new size are renewed, and may become records', async (t) => {
  const { store, records } = build();
  for (let i = 0; i < 20; i++) await records.claim(`l${i}`, lock, 1000);
  store.resize({ maxBytes: MEBIBYTE, maxRecordBytes: 2000 });
  await t.rejects(records.claim('new', lock, 1000), /no room/);
  for (let i = 0; i < 20; i++) t.equal(await records.renew(`l${i}`, lock, 1000), true);
  t.equal(await records.keep('l0', lock, [Buffer.from('record')], 1000), true);
});

t.test('what a caller does to a value changes nothing here', async (t) => {
  const { cache } = build();
  const value = Buffer.from('value');
  await cache.set('a', [value], 1000);
  value.fill(0);
  (await cache.get('a'))?.fill(0);
  t.equal(String(await cache.get('a')), 'value');
});

t.test('the clock of the cache is monotonic', (t) => {
  const { clock, cache } = build();
  clock.wallNow = () => 0;
  clock.stall(50);
  t.equal(cache.now(), 50);
  t.end();
});

t.test('opens and closes', async (t) => {
  const { store, cache, records } = build();
  await store.open();
  await cache.set('a', [Buffer.from('x')], 1000);
  await records.claim('a', lock, 1000);
  await store.close();
  t.equal(await cache.get('a'), undefined);
  t.equal(await records.claim('a', lock, 1000), undefined);
});

/** External memory of the process, in bytes, without garbage. */
function external(): number {
  // The first one only finds what the second one frees.
  collectGarbage();
  collectGarbage();
  return process.memoryUsage().external;
}

t.test('its sizes bound real memory, whatever is written', async (t) => {
  const maxBytes = 4 * MEBIBYTE;
  for (const sizes of [[20], [500], [3000], [100_000], [20, 3000, 700_000]]) {
    const before = external();
    const { store, cache, records } = build({ maxBytes, maxRecordBytes: maxBytes });
    for (let i = 0, written = 0; written < 4 * maxBytes; i++) {
      const size = sizes[i % sizes.length]!;
      await cache.set(`key-${i}`, [Buffer.alloc(size)], 1e6);
      await records.claim(`key-${i}`, lock, 1e6);
      await records.keep(`key-${i}`, lock, [Buffer.alloc(size)], 1e6);
      written += size + 500;
    }
    const grown = external() - before;
    t.ok(grown < 1.2 * 2 * maxBytes, `${sizes.join()}: ${Math.round(grown / 1024)} KiB`);
    await store.close();
  }
});
