/** Requests that ask about this hop, not about the upstream behind it (RFC 9110, section 7.6.2). */
import { METHODS, type IncomingMessage, type ServerResponse } from 'node:http';
import { fieldLines, filterFields } from '../../http/fields.js';

/** Never reflected: a script that can make a client send TRACE must not read its secrets (RFC 9110, section 9.3.8). */
const secret = new Set(['authorization', 'proxy-authorization', 'cookie']);

const isReflected = (lowerName: string) => !secret.has(lowerName);

const ALLOW = METHODS.filter((method) => method !== 'CONNECT').join(', ');

/** Whether the request asks for a response of this hop. */
export function isLastHop(request: IncomingMessage, target: string): boolean {
  const { method, headers } = request;
  if (method !== 'OPTIONS' && method !== 'TRACE') return false;
  return target === '*' || headers['max-forwards'] === '0';
}

export function answerAsLastHop(
  request: IncomingMessage,
  response: ServerResponse,
  target: string,
): void {
  if (request.method === 'OPTIONS') {
    response.writeHead(200, { Allow: ALLOW, 'Content-Length': 0 });
    response.end();
    return;
  }
  const requestLine = `TRACE ${target} HTTP/${request.httpVersion}\r\n`;
  const lines = fieldLines(filterFields(request.rawHeaders, isReflected));
  const body = Buffer.from(`${requestLine}${lines}\r\n`, 'latin1');
  response.writeHead(200, { 'Content-Type': 'message/http', 'Content-Length': body.length });
  response.end(body);
}
