/** The worst case of a call under its policies: number of attempts, time and additional load. */
import { backoffMs, type BackoffOptions } from '../../policies/retry/backoff.js';
import type { PolicySettings } from '../../policies/index.js';
import { formatQuantity } from '../schema/units.js';

export interface Forecast {
  /** The highest possible number, the first attempt included. */
  readonly attempts: number;
  /** Longest time of the first attempt up to its response headers; Infinity if it has no limit. */
  readonly attemptMs: number;
  /** Longest time of the last attempt; `attemptGrowth` makes it the longest of all. */
  readonly lastAttemptMs: number;
  /** The option that sets `attemptMs`. */
  readonly attemptOption: 'timeout.attempt' | 'timeout.adaptive.max';
  /** Sum of all delays between the attempts, with the longest jitter. */
  readonly backoffMs: number;
  /** Sum of all attempts and delays. */
  readonly neededMs: number;
  /** Longest time of the whole call; Infinity if it has no limit. */
  readonly totalMs: number;
}

type Timeouts = Exclude<PolicySettings['timeout'], 'off'>;

const orInfinity = (limit: number | 'off') => (limit === 'off' ? Infinity : limit);

/** How much more time each further attempt has, as a share of the first. */
export const growthOf = ({ timeout }: PolicySettings) =>
  timeout === 'off' || timeout.attemptGrowth === 'off' ? 0 : timeout.attemptGrowth;

/** The time of so many attempts together, as a multiple of the first. */
export const attemptsInFirsts = (attempts: number, growth: number) =>
  attempts + (growth * attempts * (attempts - 1)) / 2;

/** How many attempts fit into a multiple of the first: the inverse of `attemptsInFirsts`. */
export function attemptsWithin(firsts: number, growth: number): number {
  if (growth === 0) return Math.floor(firsts);
  const b = 1 - growth / 2;
  return Math.floor((Math.sqrt(b * b + 2 * growth * firsts) - b) / growth);
}

/** `attempt` holds until a timeout is learned, and `max` from then on; in shadow it goes on to hold. */
function longestAttempt({
  attempt,
  adaptive,
}: Timeouts): Pick<Forecast, 'attemptMs' | 'attemptOption'> {
  const attemptMs = orInfinity(attempt);
  return adaptive === 'off' || adaptive.mode === 'shadow' || adaptive.max <= attemptMs
    ? { attemptMs, attemptOption: 'timeout.attempt' }
    : { attemptMs: adaptive.max, attemptOption: 'timeout.adaptive.max' };
}

/** Does not include a Retry-After: its length is not known beforehand. */
export function forecast(policies: PolicySettings): Forecast {
  const { timeout, retry } = policies;
  const attempts = retry === 'off' ? 1 : retry.maxAttempts;
  const growth = growthOf(policies);
  const { attemptMs, attemptOption } =
    timeout === 'off'
      ? ({ attemptMs: Infinity, attemptOption: 'timeout.attempt' } as const)
      : longestAttempt(timeout);
  const totalMs = timeout === 'off' ? Infinity : orInfinity(timeout.total);
  const delaysMs = retry === 'off' ? 0 : longestDelays(retry.backoff, attempts - 1);
  return {
    attempts,
    attemptMs,
    lastAttemptMs: attemptMs * (1 + growth * (attempts - 1)),
    attemptOption,
    backoffMs: delaysMs,
    neededMs: attemptMs * attemptsInFirsts(attempts, growth) + delaysMs,
    totalMs,
  };
}

/** Delays hardly grow any more after this many. */
const MANY = 1000;

function longestDelays(options: BackoffOptions, count: number): number {
  let sumMs = 0;
  let lastMs: number | undefined;
  for (let attempt = 1; attempt <= Math.min(count, MANY); attempt += 1) {
    lastMs = backoffMs(options, attempt, lastMs, () => 1);
    sumMs += lastMs;
  }
  return sumMs + Math.max(0, count - MANY) * (lastMs ?? 0);
}

/** In seconds from 1 s on: 30.3s rather than 30300ms. */
export function showMs(ms: number): string {
  const exact = formatQuantity('duration', ms);
  return ms >= 1000 && exact.endsWith('ms') ? `${Number((ms / 1000).toPrecision(6))}s` : exact;
}
