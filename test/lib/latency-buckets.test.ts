import t from 'tap';
import {
  LATENCY_BUCKETS,
  latencyBound,
  latencyBucket,
  percentileBucket,
} from '../../src/lib/latency-buckets.js';

t.test('a latency lies below the bound of its bucket, by at most a quarter', async (t) => {
  for (let ms = 0.25; ms < 65_000; ms *= 1.03) {
    const bound = latencyBound(latencyBucket(ms));
    if (ms >= bound) t.fail(`${ms} is not below ${bound}`);
    if (ms >= 2 && bound > ms * 1.25) t.fail(`${bound} is more than a quarter above ${ms}`);
  }
});

t.test('bounds rise, and the last bucket takes what is longer', async (t) => {
  for (let bucket = 1; bucket < LATENCY_BUCKETS; bucket++) {
    if (latencyBound(bucket) <= latencyBound(bucket - 1)) t.fail(`bucket ${bucket}`);
  }
  t.equal(latencyBucket(1e9), LATENCY_BUCKETS - 1);
  t.equal(latencyBucket(0), 0);
  t.equal(latencyBucket(-1), 0, 'of a clock that stood still');
});

t.test('percentiles go by nearest rank', async (t) => {
  const counts = new Map([
    [3, 50],
    [10, 49],
    [20, 1],
  ]);
  const at = (percentile: number) => percentileBucket(percentile, (each) => counts.get(each) ?? 0);
  t.same([at(50), at(51), at(99), at(99.5), at(100)], [3, 10, 10, 20, 20]);
  t.equal(
    percentileBucket(50, () => 0),
    -1,
  );
});
