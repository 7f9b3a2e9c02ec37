/** Chance that comes out the same every time: a seeded source, and the distributions that simulations draw from. */
import type { Random } from '../core/clock.js';

/** A distribution; in ms where it is one of times. */
export type Sampler = (random: Random) => number;

/** Mulberry32 (Tommy Ettinger, 2017): 32 bits of state, good enough for queues. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const constant =
  (value: number): Sampler =>
  () =>
    value;

export const uniform =
  (low: number, high: number): Sampler =>
  (random) =>
    low + random() * (high - low);

export const exponential =
  (mean: number): Sampler =>
  (random) =>
    -mean * Math.log(1 - random());

/** @param sigma of the logarithm: 0.25 is a narrow bell, 1 has a long tail. */
export function lognormal(mean: number, sigma: number): Sampler {
  const mu = Math.log(mean) - sigma ** 2 / 2;
  return (random) => {
    // Box and Muller, 1958; the second normal is not worth keeping.
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.exp(mu + sigma * normal);
  };
}

/** Draws from `rare` with probability `share`, else from `common`. */
export const mixed =
  (common: Sampler, rare: Sampler, share: number): Sampler =>
  (random) =>
    (random() < share ? rare : common)(random);
