/**
 * Latencies counted in few buckets, as HDR histograms do it: four buckets per doubling, so a percentile is at most 25% too high.
 * From half a millisecond to 65 s; what is longer counts as the longest.
 */
export const LATENCY_BUCKETS = 64;

/** Steps per ms. */
const SCALE = 2;

export function latencyBucket(ms: number): number {
  const units = ms * SCALE;
  if (units < 4) return units > 0 ? units | 0 : 0;
  if (units >= 131_072) return LATENCY_BUCKETS - 1;
  const octave = 31 - Math.clz32(units);
  return ((octave - 1) << 2) + ((units >> (octave - 2)) & 3);
}

/** The latency, in ms, below which all of a bucket lie. */
export function latencyBound(bucket: number): number {
  const next = bucket + 1;
  if (next <= 4) return next / SCALE;
  return ((4 + (next & 3)) << ((next >> 2) - 1)) / SCALE;
}

/** @param countOf of a bucket; need not be whole. @returns the bucket of the percentile by nearest rank; -1 without counts. */
export function percentileBucket(percentile: number, countOf: (bucket: number) => number): number {
  let total = 0;
  for (let bucket = 0; bucket < LATENCY_BUCKETS; bucket++) total += countOf(bucket);
  if (total === 0) return -1;
  const rank = (percentile / 100) * total;
  let sum = 0;
  let last = -1;
  for (let bucket = 0; bucket < LATENCY_BUCKETS; bucket++) {
    const count = countOf(bucket);
    if (count === 0) continue;
    sum += count;
    last = bucket;
    // Sums of parts come out slightly below the whole number that they are.
    if (sum >= rank - 1e-9) break;
  }
  return last;
}
