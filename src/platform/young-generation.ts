/**
 * The size of the young generation of the heap, where V8 puts what is new. All that a start loads and keeps makes it grow to
 * its limit, twice 16 MiB or more that stay resident while no calls come. Calls would make it grow there too, and need half of it.
 */
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import type { Clock } from '../core/clock.js';

/** A half of 8 MiB, less what V8 keeps of its pages for itself. */
const ENOUGH_BYTES = 7.5 * 2 ** 20;

/** In ms. Small calls at full load take longer than this to let it grow once more than it should. */
const CHECK_MS = 250;

/** In ms. V8 lets it shrink in a process with little to do, and may let it grow again. */
const CHECK_AGAIN_MS = 10_000;

/** V8 reads this factor each time that it would let the young generation grow. Its own is 2. */
const setGrowth = (factor: 1 | 2) => setFlagsFromString(`--semi-space-growth-factor=${factor}`);

/** What one half can hold. `space_size` counts one or both, by the version of V8. */
function readCapacity(): number {
  const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')!;
  return young.space_used_size + young.space_available_size;
}

/** Until it is let grow. What survives moves into the old generation earlier. */
export function keepYoungSmall(): void {
  setGrowth(1);
}

/** As V8 does by itself: where much is made that stays, it saves copies. */
export function letYoungGrow(): void {
  setGrowth(2);
}

/**
 * Lets it grow as calls need it, but not farther than to twice 8 MiB: twice 16 MiB make no call cheaper. For as long as the
 * process lives.
 */
export function letYoungGrowForCalls(clock: Clock): void {
  const isEnough = readCapacity() >= ENOUGH_BYTES;
  setGrowth(isEnough ? 1 : 2);
  clock.schedule(isEnough ? CHECK_AGAIN_MS : CHECK_MS, () => letYoungGrowForCalls(clock));
}
