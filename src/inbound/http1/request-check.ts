/** Requests that a lenient parser lets through but that the next hop could read differently (RFC 9112, section 11.2). */
import type { IncomingMessage } from 'node:http';
import { countFields, firstValue } from '../../http/fields.js';

/** RFC 9110, section 7.2: uri-host with an optional port; an empty one is allowed. */
const HOST = /^(?:\[[\da-f:.%a-z]+\]|[^\s/?#@\\[\]:,]*)(?::\d*)?$/i;

/** @returns the status to refuse the request with, or undefined when it is sound. */
export function findFault(request: IncomingMessage): 400 | 501 | 505 | undefined {
  const { method, url = '', httpVersionMajor } = request;
  // A body-less 0.9 request has no framing to agree on; HTTP/2 does not come in this shape.
  if (httpVersionMajor !== 1) return httpVersionMajor > 1 ? 505 : 400;
  // A fragment never leaves the client, and `*` is only for OPTIONS (RFC 9112, section 3.2).
  if (url.includes('#') || (url === '*' && method !== 'OPTIONS')) return 400;
  const raw = request.rawHeaders;
  if (countFields(raw, 'host') > 1) return 400;
  const host = firstValue(raw, 'host');
  if (host !== undefined && !HOST.test(host)) return 400;
  const codings = countFields(raw, 'transfer-encoding');
  if (codings === 0) return undefined;
  // The framing of a message with a coding that an HTTP/1.0 peer may not know is anybody's guess (section 6.1).
  if (codings > 1 || request.httpVersionMinor === 0) return 400;
  const coding = request.headers['transfer-encoding']!.trim().toLowerCase();
  if (coding === 'chunked') return undefined;
  // A coding that is not undone here would be lost on the way.
  return /^[\w!#$%&'*+.^`|~-]+\s*,\s*chunked$/.test(coding) && !coding.startsWith('chunked')
    ? 501
    : 400;
}
