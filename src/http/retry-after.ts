/** How long an upstream asks its callers to stay away: the `Retry-After` field (RFC 9110, section 10.2.3). */
import type { Clock } from '../core/clock.js';
import { parseHttpDate } from './date.js';
import type { RawHeaders } from '../core/reply.js';

const SECONDS = /^\d{1,10}$/;

/** @returns ms from now, 0 for a date that is past; undefined when `value` is neither seconds nor an HTTP date. */
export function parseRetryAfter(value: string, clock: Clock): number | undefined {
  const text = value.trim();
  if (SECONDS.test(text)) return Number(text) * 1000;
  const epochMs = parseHttpDate(text);
  return epochMs === undefined ? undefined : Math.max(0, epochMs - clock.wallNow());
}

/** As `parseRetryAfter`, of the first such field; undefined without one. */
export function findRetryAfter(headers: RawHeaders, clock: Clock): number | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]!.toLowerCase() === 'retry-after') return parseRetryAfter(headers[i + 1]!, clock);
  }
  return undefined;
}
