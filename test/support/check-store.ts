/** What holds for every store. */
import type { Test } from 'tap';
import type { Store } from '../../src/core/store.js';
import { CALL } from '../../src/lib/leaky-bucket.js';

/** Not UTF-8, and with the bytes that protocols and scripts trip over. */
const binary = Buffer.from([0, 255, 13, 10, 128, 36, 42, 0]);
const other = Buffer.from('other');
const lock = Buffer.from([3, 0, 254]);
const record = Buffer.from('a record');

/** One call per minute: no matter how slow the machine is, none comes back. */
const meter = (key: string, burst: number, atLeast = 0) => ({
  key,
  limit: { perHour: 60, burst },
  atLeast,
});
const calls = (levels: readonly number[]) => levels.map((level) => Math.ceil(level / CALL));

/** @param pass lets time go by. */
export async function checkStore(
  t: Test,
  { cache, records, meters }: Store,
  pass: (ms: number) => Promise<void>,
): Promise<void> {
  /** What the key holds: it is free again afterwards where that was nothing. */
  const held = async (key: string) => {
    const found = await records.claim(key, other, 10_000);
    if (found === undefined) await records.free(key, other);
    return found;
  };

  await t.test('the cache keeps bytes as they are', async (t) => {
    t.equal(await cache.get('nothing'), undefined);
    await cache.set('a', [binary], 10_000);
    t.same(await cache.get('a'), binary);
    await cache.set('a', [Buffer.alloc(0)], 10_000);
    t.same(await cache.get('a'), Buffer.alloc(0));
    const large = Buffer.alloc(100_003, 'abc');
    await cache.set('a', [large], 10_000);
    t.ok((await cache.get('a'))?.equals(large));
  });

  await t.test('the cache has a clock', async (t) => {
    const beforeMs = cache.now();
    await pass(50);
    t.ok(cache.now() - beforeMs >= 49);
  });

  await t.test('a key is claimed only where it holds nothing', async (t) => {
    t.equal(await records.claim('b', lock, 10_000), undefined);
    t.same(await records.claim('b', other, 10_000), lock);
    t.same(await held('b'), lock);
  });

  await t.test('of many claims at once, one takes the key', async (t) => {
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, i) => records.claim('c', Buffer.from(`${i}`), 10_000)),
    );
    const winner = all.indexOf(undefined);
    t.equal(all.lastIndexOf(undefined), winner);
    for (const found of all.toSpliced(winner, 1)) t.equal(String(found), String(winner));
  });

  await t.test('a record takes the place of its lock, or of nothing', async (t) => {
    await records.claim('d', lock, 10_000);
    t.equal(await records.keep('d', other, [record], 10_000), false);
    t.same(await held('d'), lock);
    t.equal(await records.keep('d', lock, [record], 10_000), true);
    t.same(await held('d'), record);
    t.equal(await records.keep('d', lock, [record], 10_000), true, 'it is there already');
    t.equal(await records.keep('d', lock, [other], 10_000), false, 'the lock is gone');
    t.same(await held('d'), record);
    t.equal(await records.keep('nothing', lock, [binary], 10_000), true);
    t.same(await held('nothing'), binary);
  });

  await t.test('a lock is freed by its holder only', async (t) => {
    await records.claim('e', lock, 10_000);
    t.equal(await records.free('e', other), false);
    t.same(await held('e'), lock);
    t.equal(await records.free('e', lock), true);
    t.equal(await held('e'), undefined);
    t.equal(await records.free('e', lock), false);
  });

  await t.test('forgets in time', async (t) => {
    await cache.set('f', [binary], 80);
    await records.claim('g', lock, 80);
    await records.claim('h', lock, 10_000);
    await records.keep('h', lock, [record], 80.5);
    await pass(200);
    t.equal(await cache.get('f'), undefined);
    t.equal(await held('g'), undefined);
    t.equal(await held('h'), undefined);
  });

  await t.test('a renewed lock has its time from then on', async (t) => {
    await records.claim('i', lock, 150);
    t.equal(await records.renew('i', other, 10_000), false);
    t.equal(await records.renew('i', lock, 10_000), true);
    await pass(200);
    t.same(await held('i'), lock);
    t.equal(await records.renew('i', lock, 1), true);
    await pass(50);
    t.equal(await records.renew('i', lock, 10_000), false, 'it is over');
    t.equal(await held('i'), undefined);
  });

  await t.test('of many calls at once, as many are counted as there is room for', async (t) => {
    const all = await Promise.all(
      Array.from({ length: 20 }, () => meters.count([meter('m1', 5)], 10_000)),
    );
    t.equal(all.filter(({ isCounted }) => isCounted).length, 5);
    for (const { isCounted, levels } of all) if (!isCounted) t.same(calls(levels), [5]);
  });

  await t.test('a call is counted at all meters, or at none', async (t) => {
    const both = [meter('{m}2', 9), meter('{m}3', 1)];
    const first = await meters.count(both, 10_000);
    t.same([first.isCounted, calls(first.levels)], [true, [1, 1]]);
    const second = await meters.count(both, 10_000);
    t.same([second.isCounted, calls(second.levels)], [false, [1, 1]]);
    const third = await meters.count([both[0]!], 10_000);
    t.same([third.isCounted, calls(third.levels)], [true, [2]]);
  });

  await t.test('a count goes down with time', async (t) => {
    const limit = { perHour: 36_000, burst: 2 };
    await meters.count([{ key: 'm4', limit, atLeast: 0 }], 10_000);
    await pass(120);
    const { levels } = await meters.count([{ key: 'm4', limit, atLeast: 0 }], 10_000);
    t.same(calls(levels), [1], 'the first one is over');
  });

  await t.test('a changed rate holds at once, for what is counted', async (t) => {
    await meters.count([meter('m6', 1)], 10_000);
    await pass(5);
    t.equal((await meters.count([meter('m6', 1)], 10_000)).isCounted, false);
    const limit = { perHour: 3_600_000_000, burst: 1 };
    await pass(5);
    t.equal((await meters.count([{ key: 'm6', limit, atLeast: 0 }], 10_000)).isCounted, true);
  });

  await t.test('a count is at least what the asker knows of, and at most the burst', async (t) => {
    const { isCounted, levels } = await meters.count([meter('m5', 5, 3 * CALL)], 10_000);
    t.same([isCounted, calls(levels)], [true, [4]]);
    t.same(calls((await meters.count([meter('m5', 5, CALL)], 10_000)).levels), [5]);
    const lowered = await meters.count([meter('m5', 2, 9 * CALL)], 10_000);
    t.same([lowered.isCounted, calls(lowered.levels)], [false, [2]]);
  });
}
