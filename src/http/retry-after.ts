/** How long an upstream asks its callers to stay away: the `Retry-After` field (RFC 9110, section 10.2.3). */
import { parseHttpDate } from './date.js';
import { firstValue, type Fields } from './fields.js';

const SECONDS = /^\d{1,10}$/;

/**
 * @param nowMs since the Unix epoch.
 * @returns ms from now, 0 for a date that is past; undefined when `value` is neither seconds nor an HTTP date.
 */
export function parseRetryAfter(value: string, nowMs: number): number | undefined {
  const text = value.trim();
  if (SECONDS.test(text)) return Number(text) * 1000;
  const epochMs = parseHttpDate(text);
  return epochMs === undefined ? undefined : Math.max(0, epochMs - nowMs);
}

/** As `parseRetryAfter`, of the first such field; undefined without one. */
export function findRetryAfter(headers: Fields, nowMs: number): number | undefined {
  const value = firstValue(headers, 'retry-after');
  return value === undefined ? undefined : parseRetryAfter(value, nowMs);
}
