/** Waits that end by the clock. */
import type { Clock, Timer } from '../core/clock.js';

/** Between two readings of the count, in ms. */
const POLL_MS = 10;

export const sleep = (clock: Clock, ms: number) =>
  new Promise<void>((resolve) => {
    clock.schedule(ms, resolve);
  });

/** Resolves when `running` returns 0. */
export async function drain(clock: Clock, running: { readonly size: number }): Promise<void> {
  while (running.size > 0) await sleep(clock, POLL_MS);
}

/** Waits for `done`, but no longer than `ms`; leaves no timer behind. */
export async function within(clock: Clock, ms: number, done: Promise<unknown>): Promise<void> {
  let timer: Timer | undefined;
  const timeUp = new Promise<void>((resolve) => {
    timer = clock.schedule(ms, resolve);
  });
  await Promise.race([done, timeUp]);
  timer?.cancel();
}
