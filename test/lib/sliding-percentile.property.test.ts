import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import { SlidingPercentile } from '../../src/lib/sliding-percentile.js';

const values = fc.array(fc.oneof(fc.nat(10), fc.double({ min: 0, max: 1e6, noNaN: true })), {
  maxLength: 300,
});

t.test('agrees with a sorted copy of the last values after each of them', async (t) => {
  fc.assert(
    fc.property(values, fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 60 }), check),
  );
  t.pass();
});

function check(values: readonly number[], percentile: number, window: number): void {
  const found = new SlidingPercentile(percentile, window);
  for (let i = 1; i <= values.length; i++) {
    found.record(values[i - 1]!);
    const last = values.slice(Math.max(0, i - window), i);
    // In whole numbers, which no rounding touches.
    const rank = Math.floor((percentile * last.length + 99) / 100);
    assert.equal(found.value, last.toSorted((a, b) => a - b)[rank - 1]);
    assert.equal(found.count, last.length);
    assert.deepEqual([...found], last);
  }
}
