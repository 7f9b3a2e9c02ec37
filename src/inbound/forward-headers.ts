/** A request's header fields on their way to the upstream: what a hop must take out, and what this one adds (RFC 9110, section 7.6). */
import { combinedValue, firstValue, listMembers, type Fields } from '../http/fields.js';
import { hopByHop, nominated } from '../http/hop-by-hop.js';
import type { RequestHead } from './stream.js';

/** The peer as X-Forwarded-For names it; a Unix socket has no address (RFC 7239, section 6). */
function peerOf(address: string | undefined): string {
  if (address === undefined) return 'unknown';
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}

function acceptsTrailers(fields: Fields): boolean {
  const te = firstValue(fields, 'te');
  if (te === undefined || te === 'trailers') return te !== undefined;
  return listMembers(fields, 'te').some((member) => member.split(';', 1)[0]!.trim() === 'trailers');
}

/**
 * Keeps order, case and repetitions. Appends to the last X-Forwarded-For and Via there are; X-Forwarded-Proto and
 * -Host are set unless a hop before has.
 */
export function forwardRequestHeaders(head: RequestHead, requestId: string): Fields {
  const { method, fields: raw, host } = head;
  const drop = nominated(combinedValue(raw, 'connection'));
  const fields: string[] = [];
  const countsHops = method === 'OPTIONS' || method === 'TRACE';
  let forwardedForAt = -1;
  let viaAt = -1;
  let hasProto = false;
  let hasHost = false;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || drop.has(lower)) continue;
    switch (lower) {
      case 'host':
      case 'expect':
      case 'x-request-id':
      case 'x-attempt-count':
        continue;
      case 'x-forwarded-for':
        forwardedForAt = fields.length + 1;
        break;
      case 'via':
        viaAt = fields.length + 1;
        break;
      case 'max-forwards':
        // RFC 9110, section 7.6.2: each hop takes one; other methods leave it alone.
        if (countsHops && /^\d+$/.test(raw[i + 1]!)) {
          fields.push(name, String(Number(raw[i + 1]) - 1));
          continue;
        }
        break;
      case 'x-forwarded-proto':
        hasProto = true;
        break;
      case 'x-forwarded-host':
        hasHost = true;
        break;
    }
    fields.push(name, raw[i + 1]!);
  }
  const peer = peerOf(head.peerAddress);
  if (forwardedForAt === -1) fields.push('X-Forwarded-For', peer);
  else fields[forwardedForAt] += `, ${peer}`;
  if (!hasProto) fields.push('X-Forwarded-Proto', head.isSecure ? 'https' : 'http');
  if (!hasHost && host !== undefined) fields.push('X-Forwarded-Host', host);
  const via = `${head.protocolVersion} breakwater`;
  if (viaAt === -1) fields.push('Via', via);
  else fields[viaAt] += `, ${via}`;
  fields.push('X-Request-Id', requestId);
  // Trailers pass through here, where the client's protocol has them (RFC 9110, section 10.1.4).
  if (head.protocolVersion !== '1.0' && acceptsTrailers(raw)) {
    fields.push('Connection', 'TE', 'TE', 'trailers');
  }
  return fields;
}
