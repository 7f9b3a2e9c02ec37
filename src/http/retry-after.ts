/** How long an upstream asks its callers to stay away: the `Retry-After` field (RFC 9110, section 10.2.3). */
import { parseHttpDate } from './date.js';
import { firstValue, type Fields } from './fields.js';

/** Of any length: a number that is too large to wait for still means a long wait. Some senders write fractions. */
const SECONDS = /^(\d+)(?:\.(\d+))?$/;

/**
 * @param nowMs since the Unix epoch.
 * @returns ms from now, a fraction of a second rounded up, 0 for a date that is past; undefined when `value` is neither seconds nor an HTTP date.
 */
export function parseRetryAfter(value: string, nowMs: number): number | undefined {
  const text = value.trim();
  const [, seconds, fraction = ''] = SECONDS.exec(text) ?? [];
  if (seconds !== undefined) return (Number(seconds) + (/[1-9]/.test(fraction) ? 1 : 0)) * 1000;
  const epochMs = parseHttpDate(text);
  return epochMs === undefined ? undefined : Math.max(0, epochMs - nowMs);
}

/** As `parseRetryAfter`, of the first such field; undefined without one. */
export function findRetryAfter(headers: Fields, nowMs: number): number | undefined {
  const value = firstValue(headers, 'retry-after');
  return value === undefined ? undefined : parseRetryAfter(value, nowMs);
}
