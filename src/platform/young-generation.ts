/**
 * The size of the young generation of the heap, where V8 puts what is new. All that a start loads and keeps makes it grow to
 * its limit, and load does so as well: twice 16 MiB that stay resident, of which calls need a fraction.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Bytes of both halves: what 64 busy connections have alive fits several times. */
const ENOUGH_BYTES = 8 * 1024 * 1024;

/** V8 reads this factor after each collection that may let the young generation grow. Its own is 2. */
const setGrowth = (factor: 1 | 2) => setFlagsFromString(`--semi-space-growth-factor=${factor}`);

/** Until it is bounded, or let grow. What survives moves into the old generation earlier. */
export function keepYoungSmall(): void {
  setGrowth(1);
}

/** As V8 does by itself: where much is made that stays, it saves copies. */
export function letYoungGrow(): void {
  setGrowth(2);
}

/** Lets it grow up to what is enough, for good. */
export function boundYoung(): void {
  let growth: 1 | 2 = 2;
  setGrowth(growth);
  new PerformanceObserver(() => {
    const young = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
    // V8 makes it smaller while little is made.
    const next = (young?.space_size ?? 0) < ENOUGH_BYTES ? 2 : 1;
    if (next !== growth) setGrowth((growth = next));
  }).observe({ entryTypes: ['gc'] });
}
