/** The end in order: first the load balancer is told, then connections end as their calls do, within the grace time. */
import type { Clock } from '../core/clock.js';
import { CallError, DEFAULT_RETRY_AFTER_MS, type CallFailure } from '../core/errors.js';
import { drain, sleep, within } from './waiting.js';

/** A part that can be stopped. */
interface Running {
  readonly size: number;
  [Symbol.iterator](): Iterator<{ cancel(why: CallFailure): void }>;
}

export interface ShutdownOptions {
  readonly clock: Clock;
  /** Time in which new connections are still served, in ms. */
  readonly delayMs: number;
  /** Time that calls under way have after it, in ms. */
  readonly graceMs: number;
  /** Resolves when no connection is left. */
  readonly drainListeners: () => Promise<void>;
  readonly running: Running;
}

/** Time for the error responses of calls that the end of the grace time cuts, in ms. */
const FLUSH_MS = 100;

/** Resolves when no call is under way any more. */
export async function drainCalls(options: ShutdownOptions): Promise<void> {
  const { clock, delayMs, graceMs, drainListeners, running } = options;
  // Those who send traffic must see /readyz before they see a closed port.
  await sleep(clock, delayMs);
  // A call may go on for longer than its connection.
  await within(clock, graceMs, Promise.all([drainListeners(), drain(clock, running)]));
  if (running.size === 0) return;
  const error = new CallError(
    'shutting-down',
    `Cannot complete the call because Breakwater stops and shutdown.grace, ${graceMs} ms, is over`,
    { retryAfterMs: DEFAULT_RETRY_AFTER_MS },
  );
  for (const exchange of running) exchange.cancel(error);
  await sleep(clock, FLUSH_MS);
}
