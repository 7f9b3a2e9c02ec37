/** Header and trailer fields between Breakwater's flat lists and what node:http2 takes and gives. */
import type { OutgoingHttpHeaders } from 'node:http2';
import { createFieldObject } from '../../http/field-object.js';
import type { Fields } from '../../http/fields.js';
import { hopByHop } from '../../http/hop-by-hop.js';
import type { OutboundRequest, ResponseHead } from '../client.js';
import { statusTextOf } from '../status-text.js';

/** RFC 9113, section 6.5.2. */
export const FIELD_OVERHEAD = 32;

/** RFC 9113, sections 8.2.2 and 8.3.1: of these only `TE: trailers` has a meaning in HTTP/2. */
const isOfHttp1 = (lowerName: string, value: string) =>
  lowerName === 'host' ||
  (hopByHop.has(lowerName) && !(lowerName === 'te' && value === 'trailers'));

/** Node takes an object: fields of one name are together, in order. */
function add(headers: OutgoingHttpHeaders, fields: Fields): OutgoingHttpHeaders {
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!.toLowerCase();
    const value = fields[i + 1]!;
    if (isOfHttp1(name, value)) continue;
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else headers[name] = [before as string, value];
  }
  return headers;
}

/** The same, where Node takes a list. */
export function requestList(request: OutboundRequest, scheme: string): string[] {
  const { method, authority, path, fields } = request;
  const list = [':method', method, ':scheme', scheme, ':authority', authority, ':path', path];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!.toLowerCase();
    const value = fields[i + 1]!;
    if (!isOfHttp1(name, value)) list.push(name, value);
  }
  return list;
}

export function requestHeaders(request: OutboundRequest, scheme: string): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = createFieldObject();
  headers[':method'] = request.method;
  headers[':scheme'] = scheme;
  headers[':authority'] = request.authority;
  headers[':path'] = request.path;
  return add(headers, request.fields);
}

/** Fields that Node refuses to send twice, such as `User-Agent`, as one (RFC 9110, section 5.3; RFC 9113, section 8.2.3). */
export function joinRepeated(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  for (const [name, value] of Object.entries(headers)) {
    if (Array.isArray(value)) headers[name] = value.join(name === 'cookie' ? '; ' : ', ');
  }
  return headers;
}

export function trailerHeaders(fields: Fields): OutgoingHttpHeaders {
  return add(createFieldObject(), fields);
}

/** @param raw begins with `:status`, which is checked by Node. */
export function responseHead(raw: readonly string[]): ResponseHead {
  const status = Number(raw[1]);
  return { status, statusText: statusTextOf(status), headers: raw.slice(2) };
}

/** As SETTINGS_MAX_HEADER_LIST_SIZE counts. */
export function sizeOf(raw: readonly string[]): number {
  let size = (raw.length / 2) * FIELD_OVERHEAD;
  for (const text of raw) size += text.length;
  return size;
}
