import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import { BucketTable } from '../../src/lib/bucket-table.js';
import type { Bucket } from '../../src/lib/leaky-bucket.js';

const bucket = (): Bucket => ({ level: 1, atUs: 0 });

/** As a call does. */
function use(table: BucketTable, key: string): Bucket {
  const found = table.find(key);
  if (found !== undefined) return found;
  const made = bucket();
  table.add(key, made);
  return made;
}

t.test('keeps no more keys than it may, and the last one always', async (t) => {
  const keys = fc.array(fc.nat(30), { maxLength: 300 });
  fc.assert(
    fc.property(keys, fc.integer({ min: 1, max: 10 }), (keys, max) => {
      const table = new BucketTable(max);
      for (const key of keys) {
        const used = use(table, `${key}`);
        assert.equal(table.peek(`${key}`), used);
        assert.ok(table.size <= max);
        assert.equal([...table.buckets()].length, table.size);
      }
    }),
  );
  t.pass();
});

t.test('a flood of new keys drives out no key that was used again', async (t) => {
  const table = new BucketTable(100);
  const active = Array.from({ length: 80 }, (_, i) => `active-${i}`);
  const buckets = active.map((key) => use(table, key));
  for (const key of active) use(table, key);
  for (let i = 0; i < 10_000; i++) use(table, `new-${i}`);
  t.same(
    active.map((key) => table.peek(key)),
    buckets,
  );
  t.equal(table.size, 100);
});

t.test('of the keys that were used again, those not used for longest go first', async (t) => {
  const table = new BucketTable(10);
  for (let i = 0; i < 12; i++) {
    use(table, `${i}`);
    use(table, `${i}`);
  }
  t.equal(table.peek('0'), undefined);
  t.equal(table.peek('1'), undefined);
  t.ok(table.peek('4'));
  t.equal(table.size, 10);
});

t.test('to look at a key is no use of it', async (t) => {
  const table = new BucketTable(2);
  use(table, 'a');
  use(table, 'b');
  table.peek('a');
  use(table, 'c');
  t.equal(table.peek('a'), undefined);
});

t.test('forgets all keys at once', async (t) => {
  const table = new BucketTable(10);
  for (const key of ['a', 'b', 'b']) use(table, key);
  table.clear();
  t.equal(table.size, 0);
  t.equal(table.peek('b'), undefined);
});
