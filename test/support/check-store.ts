/** What holds for every store. */
import type { Test } from 'tap';
import type { Store } from '../../src/core/store.js';

/** Not UTF-8, and with the bytes that protocols and scripts trip over. */
const binary = Buffer.from([0, 255, 13, 10, 128, 36, 42, 0]);
const other = Buffer.from('other');

/** @param pass lets time go by. */
export async function checkStore(
  t: Test,
  store: Store,
  pass: (ms: number) => Promise<void>,
): Promise<void> {
  await t.test('keeps bytes as they are', async (t) => {
    t.equal(await store.get('nothing'), undefined);
    await store.set('a', binary, 10_000);
    t.same(await store.get('a'), binary);
    await store.set('a', Buffer.alloc(0), 10_000);
    t.same(await store.get('a'), Buffer.alloc(0));
  });

  await t.test('sets only where there is nothing', async (t) => {
    t.equal(await store.setIfAbsent('b', binary, 10_000), true);
    t.equal(await store.setIfAbsent('b', other, 10_000), false);
    t.same(await store.get('b'), binary);
  });

  await t.test('of many at once, one sets', async (t) => {
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, i) => store.setIfAbsent('c', Buffer.from(`${i}`), 10_000)),
    );
    t.equal(all.filter(Boolean).length, 1);
    t.equal(String(await store.get('c')), String(all.indexOf(true)));
  });

  await t.test('replaces what is expected, and nothing else', async (t) => {
    await store.set('d', binary, 10_000);
    t.equal(await store.replace('d', other, other, 10_000), false);
    t.same(await store.get('d'), binary);
    t.equal(await store.replace('d', binary, other, 10_000), true);
    t.same(await store.get('d'), other);
    t.equal(await store.replace('nothing', other, binary, 10_000), false);
    t.equal(await store.get('nothing'), undefined);
  });

  await t.test('deletes what is expected, and nothing else', async (t) => {
    await store.set('e', binary, 10_000);
    t.equal(await store.deleteIf('e', other), false);
    t.same(await store.get('e'), binary);
    t.equal(await store.deleteIf('e', binary), true);
    t.equal(await store.get('e'), undefined);
    t.equal(await store.deleteIf('e', binary), false);
  });

  await t.test('forgets in time', async (t) => {
    await store.set('f', binary, 80);
    await store.setIfAbsent('g', binary, 80);
    await store.set('h', binary, 10_000);
    await store.replace('h', binary, other, 80.5);
    await pass(200);
    const left = await Promise.all(['f', 'g', 'h'].map((key) => store.get(key)));
    t.same(left, [undefined, undefined, undefined]);
    t.equal(await store.setIfAbsent('g', other, 10_000), true);
  });
}
