/** Requests that Node's HTTP/2 lets through but that no upstream should see. */
import { firstValue, type Fields } from '../../http/fields.js';
import { isHost } from '../target.js';
import type { PseudoFields } from './fields.js';

export interface Fault {
  readonly status: 400 | 405 | 431;
  readonly why: string;
}

const bad = (why: string): Fault => ({ status: 400, why });

/** What counts for each field on top of its bytes (RFC 9113, section 6.5.2). */
export const BYTES_PER_FIELD = 32;

/**
 * @param raw with the pseudo-header fields. @param maxBytes the limit until the client has acknowledged it; Infinity after
 * that, because the library itself resets larger heads then.
 */
export function findExcess(raw: Fields, maxBytes: number): Fault | undefined {
  if (maxBytes === Infinity) return undefined;
  let bytes = (raw.length / 2) * BYTES_PER_FIELD;
  for (const text of raw) bytes += text.length;
  if (bytes <= maxBytes) return undefined;
  return { status: 431, why: 'a head is larger than limits.maxHeaderSize' };
}

/**
 * Missing pseudo-header fields, repeated hosts and fields of the connection do not come as far as here: they are reset with
 * PROTOCOL_ERROR (RFC 9113, section 8.1.1).
 */
export function findFault(
  { method, path, authority }: PseudoFields,
  fields: Fields,
): Fault | undefined {
  // A gateway opens no connections to where clients choose (RFC 9110, section 9.3.6).
  if (method === 'CONNECT') return { status: 405, why: 'the method is CONNECT' };
  if (!path.startsWith('/') && path !== '*') return bad('the :path does not begin with a slash');
  if (path === '*' && method !== 'OPTIONS') return bad('the target * is for OPTIONS only');
  if (path.includes('#')) return bad('the target has a fragment');
  const host = firstValue(fields, 'host');
  const named = authority ?? host;
  if (named === undefined || !isHost(named)) return bad('the :authority is malformed');
  // RFC 9113, section 8.3.1: the next hop could believe the other one.
  if (
    authority !== undefined &&
    host !== undefined &&
    authority.toLowerCase() !== host.toLowerCase()
  ) {
    return bad(':authority and host differ');
  }
  return undefined;
}
