import t from 'tap';
import { createMemoryStore } from '../../src/stores/memory.js';
import { checkStore } from '../support/check-store.js';
import { FakeClock } from '../support/fake-clock.js';

const MEBIBYTE = 1024 * 1024;

t.test('is a store', async (t) => {
  const clock = new FakeClock();
  await checkStore(t, createMemoryStore({ maxBytes: MEBIBYTE, clock }), (ms) => clock.advance(ms));
});

t.test('the least recently used makes room', async (t) => {
  const store = createMemoryStore({ maxBytes: MEBIBYTE, clock: new FakeClock() });
  const third = Buffer.alloc(MEBIBYTE / 3 - 1000);
  await store.set('a', third, 1000);
  await store.set('b', third, 1000);
  await store.set('c', third, 1000);
  await store.get('a');
  await store.set('d', third, 1000);
  t.equal(await store.get('b'), undefined);
  for (const key of ['a', 'c', 'd']) t.ok(await store.get(key), key);
});

t.test('keys and many small values are counted as well', async (t) => {
  const store = createMemoryStore({ maxBytes: 100_000, clock: new FakeClock() });
  for (let i = 0; i < 1000; i++) await store.set(`key-${i}`, Buffer.from('v'), 1000);
  let kept = 0;
  for (let i = 0; i < 1000; i++) if ((await store.get(`key-${i}`)) !== undefined) kept++;
  t.ok(kept > 300 && kept < 500, `${kept} of 1000 are left`);
});

t.test('what is larger than the store is not kept, and makes nobody else go', async (t) => {
  const store = createMemoryStore({ maxBytes: 1000, clock: new FakeClock() });
  const small = Buffer.from('small');
  const large = Buffer.alloc(2000);
  await store.set('a', small, 1000);
  await store.set('b', large, 1000);
  t.equal(await store.get('b'), undefined);
  t.equal(await store.setIfAbsent('b', large, 1000), false);
  await store.set('c', small, 1000);
  t.equal(await store.replace('c', small, large, 1000), false);
  t.same(await store.get('a'), small);
});

t.test('does not hold on to the memory around a value', async (t) => {
  const store = createMemoryStore({ maxBytes: MEBIBYTE, clock: new FakeClock() });
  const chunk = Buffer.alloc(MEBIBYTE);
  await store.set('a', chunk.subarray(0, 10), 1000);
  const kept = await store.get('a');
  t.not(kept?.buffer, chunk.buffer);
});

t.test('opens and closes', async (t) => {
  const store = createMemoryStore({ maxBytes: MEBIBYTE, clock: new FakeClock() });
  await store.open();
  await store.set('a', Buffer.from('x'), 1000);
  await store.close();
  t.equal(await store.get('a'), undefined);
});
