/** Stops in order: /readyz fails first, then listeners close, then calls have their grace time. */
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
  /** Takes no more connections; resolves when all existing ones have ended. */
  readonly closeListeners: () => Promise<void>;
  readonly running: Running;
}

/** Time for the error responses of calls that the end of the grace time cuts, in ms. */
const FLUSH_MS = 100;

/** Resolves when no call is under way any more. */
export async function drainCalls(options: ShutdownOptions): Promise<void> {
  const { clock, delayMs, graceMs, closeListeners, running } = options;
  // A load balancer must see /readyz fail before it sees a closed port.
  await sleep(clock, delayMs);
  // A call may go on for longer than its connection.
  await within(clock, graceMs, Promise.all([closeListeners(), drain(clock, running)]));
  if (running.size === 0) return;
  const error = new CallError(
    'shutting-down',
    `Cannot complete the call because Breakwater stops and shutdown.grace, ${graceMs} ms, is over`,
    { retryAfterMs: DEFAULT_RETRY_AFTER_MS },
  );
  for (const exchange of running) exchange.cancel(error);
  await sleep(clock, FLUSH_MS);
}
