/**
 * What a response says of the limit: `RateLimit-Policy` and `RateLimit`, structured fields by
 * draft-ietf-httpapi-ratelimit-headers-11.
 */
import type { Fields } from '../../http/fields.js';
import { CALL } from '../../lib/leaky-bucket.js';
import type { Standing } from './limiter.js';

/** Whole seconds, at least one. */
const seconds = (ms: number) => Math.max(1, Math.ceil(ms / 1000));

/** @param name of the limit for all, in characters that need no escape. */
export function responseFields(name: string, standings: readonly Standing[]): Fields {
  const policies: string[] = [];
  const limits: string[] = [];
  for (const { limit, key, remaining, growsInMs } of standings) {
    const item = key === undefined ? `"${name}"` : `"${name}:key"`;
    const { burst, perHour } = limit;
    // The time in which a quota that is used up comes back as a whole.
    const windowMs = (burst * CALL) / perHour / 1000;
    policies.push(`${item};q=${burst};w=${seconds(windowMs)}`);
    limits.push(`${item};r=${remaining};t=${seconds(growsInMs)}`);
  }
  return ['RateLimit-Policy', policies.join(', '), 'RateLimit', limits.join(', ')];
}
