/** A request's header fields on their way to the upstream: what a hop must take out, and what this one adds (RFC 9110, section 7.6). */
import type { IncomingMessage } from 'node:http';
import type { Fields } from '../http/fields.js';
import { hopByHop, nominated } from '../http/hop-by-hop.js';

export interface ForwardOptions {
  readonly requestId: string;
  readonly isSecure: boolean;
}

/** The peer as X-Forwarded-For names it; a Unix socket has no address (RFC 7239, section 6). */
function peerOf(request: IncomingMessage): string {
  const address = request.socket.remoteAddress;
  if (address === undefined) return 'unknown';
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}

/**
 * Keeps order, case and repetitions. Appends to the last X-Forwarded-For and Via there are; X-Forwarded-Proto and
 * -Host are set unless a hop before has.
 */
export function forwardRequestHeaders(request: IncomingMessage, options: ForwardOptions): Fields {
  const raw = request.rawHeaders;
  const drop = nominated(request.headers.connection);
  const fields: string[] = [];
  const countsHops = request.method === 'OPTIONS' || request.method === 'TRACE';
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
  const peer = peerOf(request);
  if (forwardedForAt === -1) fields.push('X-Forwarded-For', peer);
  else fields[forwardedForAt] += `, ${peer}`;
  if (!hasProto) fields.push('X-Forwarded-Proto', options.isSecure ? 'https' : 'http');
  if (!hasHost && request.headers.host !== undefined) {
    fields.push('X-Forwarded-Host', request.headers.host);
  }
  const via = `${request.httpVersion} breakwater`;
  if (viaAt === -1) fields.push('Via', via);
  else fields[viaAt] += `, ${via}`;
  fields.push('X-Request-Id', options.requestId);
  return fields;
}

/** The first value of a field as Node shows it. */
export const singleValue = (value: string | string[] | undefined) =>
  Array.isArray(value) ? value[0] : value;
