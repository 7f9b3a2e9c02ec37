/** Requests that ask about this hop, not about the upstream behind it (RFC 9110, section 7.6.2). */
import { fieldLines, filterFields, firstValue } from '../http/fields.js';
import type { InboundStream, RequestHead } from './stream.js';

/** Never reflected: a script that can make a client send TRACE must not read its secrets (RFC 9110, section 9.3.8). */
const secret = new Set(['authorization', 'proxy-authorization', 'cookie']);

const isReflected = (lowerName: string) => !secret.has(lowerName);

/** Those of RFC 9110 and RFC 5789 that are carried out; others are forwarded as well. */
const ALLOW = 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, TRACE';

/** Whether the request asks for a response of this hop. */
export function isLastHop({ method, target, fields }: RequestHead): boolean {
  if (method !== 'OPTIONS' && method !== 'TRACE') return false;
  return target === '*' || firstValue(fields, 'max-forwards') === '0';
}

export function respondAsLastHop(stream: InboundStream): void {
  const { method, target, protocolVersion, fields } = stream;
  if (method === 'OPTIONS') {
    stream.sendHead(200, undefined, ['Allow', ALLOW, 'Content-Length', '0'], false);
    return stream.end();
  }
  const requestLine = `TRACE ${target} HTTP/${protocolVersion}\r\n`;
  const lines = fieldLines(filterFields(fields, isReflected));
  const body = Buffer.from(`${requestLine}${lines}\r\n`, 'latin1');
  const type = ['Content-Type', 'message/http', 'Content-Length', String(body.length)];
  stream.sendHead(200, undefined, type, false);
  stream.end(body);
}
