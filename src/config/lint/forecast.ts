/** What a call may cost at worst under its policies: how many tries, how much time, how much more load. */
import { backoffMs, type BackoffOptions } from '../../policies/retry/backoff.js';
import type { PolicySettings } from '../../policies/index.js';
import { formatQuantity } from '../schema/units.js';

export interface Forecast {
  /** The most that there can be, the first included. */
  readonly tries: number;
  /** Of the first try, up to its response headers, at the longest; Infinity where nothing bounds it. */
  readonly attemptMs: number;
  /** Of the last try, which `attemptGrowth` gives the most. */
  readonly lastAttemptMs: number;
  /** Where `attemptMs` was written. */
  readonly attemptOption: 'timeout.attempt' | 'timeout.adaptive.max';
  /** All delays between the tries together, jitter at its longest. */
  readonly backoffMs: number;
  /** Tries and delays together. */
  readonly neededMs: number;
  /** Of the whole call; Infinity where nothing bounds it. */
  readonly totalMs: number;
}

type Timeouts = Exclude<PolicySettings['timeout'], 'off'>;

const orInfinity = (limit: number | 'off') => (limit === 'off' ? Infinity : limit);

/** How much more each further try gets, as a share of the first. */
export const growthOf = ({ timeout }: PolicySettings) =>
  timeout === 'off' || timeout.attemptGrowth === 'off' ? 0 : timeout.attemptGrowth;

/** What so many tries may take together, in times of the first. */
export const triesInFirsts = (tries: number, growth: number) =>
  tries + (growth * tries * (tries - 1)) / 2;

/** As many tries as fit into so many times of the first: `triesInFirsts` the other way round. */
export function triesWithin(firsts: number, growth: number): number {
  if (growth === 0) return Math.floor(firsts);
  const b = 1 - growth / 2;
  return Math.floor((Math.sqrt(b * b + 2 * growth * firsts) - b) / growth);
}

/** Both hold: `attempt` until enough is learned, and `max` from then on. */
function longestAttempt({
  attempt,
  adaptive,
}: Timeouts): Pick<Forecast, 'attemptMs' | 'attemptOption'> {
  const attemptMs = orInfinity(attempt);
  return adaptive === 'off' || adaptive.max <= attemptMs
    ? { attemptMs, attemptOption: 'timeout.attempt' }
    : { attemptMs: adaptive.max, attemptOption: 'timeout.adaptive.max' };
}

/** Leaves out what a Retry-After may add: it is not known beforehand. */
export function forecast(policies: PolicySettings): Forecast {
  const { timeout, retry } = policies;
  const tries = retry === 'off' ? 1 : retry.maxAttempts;
  const growth = growthOf(policies);
  const { attemptMs, attemptOption } =
    timeout === 'off'
      ? ({ attemptMs: Infinity, attemptOption: 'timeout.attempt' } as const)
      : longestAttempt(timeout);
  const totalMs = timeout === 'off' ? Infinity : orInfinity(timeout.total);
  const delaysMs = retry === 'off' ? 0 : longestDelays(retry.backoff, tries - 1);
  return {
    tries,
    attemptMs,
    lastAttemptMs: attemptMs * (1 + growth * (tries - 1)),
    attemptOption,
    backoffMs: delaysMs,
    neededMs: attemptMs * triesInFirsts(tries, growth) + delaysMs,
    totalMs,
  };
}

/** Delays hardly grow any more after so many. */
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

/** As people say it: 30.3s rather than 30300ms. */
export function showMs(ms: number): string {
  const exact = formatQuantity('duration', ms);
  return ms >= 1000 && exact.endsWith('ms') ? `${Number((ms / 1000).toPrecision(6))}s` : exact;
}
