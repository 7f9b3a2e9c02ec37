/** Requests that a lenient parser lets through but that the next hop could read differently (RFC 9112, section 11.2). */
import type { IncomingMessage } from 'node:http';
import { countFields, firstValue } from '../../http/fields.js';
import { authorityOf, isHost } from '../target.js';

export interface Fault {
  readonly status: 400 | 501 | 505;
  readonly why: string;
}

const bad = (why: string): Fault => ({ status: 400, why });

/** @returns what to refuse the request with, or undefined when it is sound. */
export function findFault(request: IncomingMessage): Fault | undefined {
  const { method, url = '', httpVersion, httpVersionMajor } = request;
  // A body-less 0.9 request has no framing to agree on; HTTP/2 does not come in this shape.
  if (httpVersionMajor !== 1) {
    return { status: httpVersionMajor > 1 ? 505 : 400, why: `the version is HTTP/${httpVersion}` };
  }
  // A fragment never leaves the client, and `*` is only for OPTIONS (RFC 9112, section 3.2).
  if (url.includes('#')) return bad('the target has a fragment');
  if (url === '*' && method !== 'OPTIONS') return bad('the target * is for OPTIONS only');
  const raw = request.rawHeaders;
  if (countFields(raw, 'host') > 1) return bad('there are several Host fields');
  const host = firstValue(raw, 'host');
  // RFC 9112, section 3.2: HTTP/1.1 has to name it.
  if (host === undefined && request.httpVersionMinor > 0) return bad('there is no Host field');
  if (host !== undefined && !isHost(host)) return bad('the Host field is malformed');
  // No user information there, and not empty (RFC 9110, section 4.2).
  const authority = authorityOf(url);
  if (authority !== undefined && (authority === '' || !isHost(authority))) {
    return bad('the host in the target is malformed');
  }
  const codings = countFields(raw, 'transfer-encoding');
  if (codings === 0) return undefined;
  // The framing of a message with a coding that an HTTP/1.0 peer may not know cannot be relied on (section 6.1).
  if (codings > 1) return bad('there are several Transfer-Encoding fields');
  if (request.httpVersionMinor === 0) return bad('HTTP/1.0 has no Transfer-Encoding');
  const coding = request.headers['transfer-encoding']!.trim().toLowerCase();
  if (coding === 'chunked') return undefined;
  // A coding that is not undone here would be lost on the way.
  return /^[\w!#$%&'*+.^`|~-]+\s*,\s*chunked$/.test(coding) && !coding.startsWith('chunked')
    ? { status: 501, why: 'the transfer coding is not known' }
    : bad('the Transfer-Encoding does not end with chunked once');
}
