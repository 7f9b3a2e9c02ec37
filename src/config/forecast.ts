/** What a call may cost at worst under its policies: how many tries, how much time, how much more load. */
import { backoffMs, type BackoffOptions } from '../core/backoff.js';
import type { PolicySettings } from '../policies/index.js';
import { formatQuantity } from './units.js';

export interface Forecast {
  /** The most that there can be, the first included. */
  readonly tries: number;
  /** Of one try, up to its response headers; Infinity where nothing bounds it. */
  readonly attemptMs: number;
  /** All delays between the tries together, jitter at its longest. */
  readonly backoffMs: number;
  /** Tries and delays together. */
  readonly neededMs: number;
  /** Of the whole call; Infinity where nothing bounds it. */
  readonly totalMs: number;
}

const orInfinity = (limit: number | 'off') => (limit === 'off' ? Infinity : limit);

/** Leaves out what a Retry-After may add: nobody knows it beforehand. */
export function forecast({ timeout, retry }: PolicySettings): Forecast {
  const tries = retry === 'off' ? 1 : retry.maxAttempts;
  const attemptMs = timeout === 'off' ? Infinity : orInfinity(timeout.attempt);
  const totalMs = timeout === 'off' ? Infinity : orInfinity(timeout.total);
  const delaysMs = retry === 'off' ? 0 : longestDelays(retry.backoff, tries - 1);
  return {
    tries,
    attemptMs,
    backoffMs: delaysMs,
    neededMs: tries * attemptMs + delaysMs,
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
