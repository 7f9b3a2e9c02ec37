import t from 'tap';
import { SlidingPercentile } from '../../src/lib/sliding-percentile.js';

function record(percentile: number, window: number, values: Iterable<number>): SlidingPercentile {
  const found = new SlidingPercentile(percentile, window);
  for (const value of values) found.record(value);
  return found;
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

t.test('knows nothing before the first value', async (t) => {
  const found = new SlidingPercentile(99, 3);
  t.equal(found.value, undefined);
  t.equal(found.count, 0);
});

t.test('takes the nearest rank, always one of the values', async (t) => {
  t.equal(record(99, 100, upTo(100)).value, 99);
  t.equal(record(99, 100, upTo(10)).value, 10);
  t.equal(record(50, 10, [10, 20, 30, 40]).value, 20);
  t.equal(record(100, 10, [3, 1, 2]).value, 3);
  t.equal(record(1, 10, [3, 1, 2]).value, 1);
});

t.test('is not led astray by how shares are rounded', async (t) => {
  for (const percentile of [55, 57, 99.9, 14.3]) {
    const exact = Math.round(percentile * 10);
    t.equal(record(percentile, 1000, upTo(1000)).value, exact, `${percentile}%`);
  }
});

t.test('forgets the oldest where the window is full', async (t) => {
  const found = record(100, 3, [9, 1, 2]);
  t.equal(found.value, 9);
  found.record(3);
  t.equal(found.value, 3);
  t.equal(found.count, 3);
});

t.test('tells its values, oldest first', async (t) => {
  t.same([...record(50, 3, [5, 4])], [5, 4]);
  t.same([...record(50, 3, [5, 4, 3, 2, 1])], [3, 2, 1]);
});
