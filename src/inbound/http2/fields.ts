/** Header fields between the flat lists of the program and the forms in which Node reads and writes those of HTTP/2. */
import type { OutgoingHttpHeaders } from 'node:http2';
import { createFieldObject } from '../../http/field-object.js';
import type { Fields } from '../../http/fields.js';
import { hopByHop } from '../../http/hop-by-hop.js';
import { asHeaders, takesLists } from '../../outbound/http2/field-list.js';

export interface PseudoFields {
  method: string;
  path: string;
  authority: string | undefined;
}

/** What a list of Node says: the pseudo-header fields apart from the others (RFC 9113, section 8.3.1). */
export interface RequestFields {
  readonly pseudo: PseudoFields;
  readonly fields: Fields;
}

const COLON = 0x3a;

function readPseudo(pseudo: PseudoFields, name: string, value: string): void {
  if (name === ':method') pseudo.method = value;
  else if (name === ':path') pseudo.path = value;
  else if (name === ':authority') pseudo.authority = value;
}

/** Pieces of a `cookie` become one again, as HTTP/1 and upstreams expect it (RFC 9113, section 8.2.3). */
export function readFields(raw: Fields): RequestFields {
  const pseudo: PseudoFields = { method: '', path: '', authority: undefined };
  const fields: string[] = [];
  let cookieAt = -1;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    const value = raw[i + 1]!;
    if (name.charCodeAt(0) === COLON) readPseudo(pseudo, name, value);
    else if (name === 'cookie' && cookieAt !== -1) fields[cookieAt] += `; ${value}`;
    else {
      if (name === 'cookie') cookieAt = fields.length + 1;
      fields.push(name, value);
    }
  }
  return { pseudo, fields };
}

/** Fields that Node refuses to write twice. */
const once = new Set([
  'access-control-allow-credentials',
  'access-control-max-age',
  'access-control-request-method',
  'age',
  'authorization',
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-md5',
  'content-range',
  'content-type',
  'date',
  'dnt',
  'etag',
  'expires',
  'from',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'proxy-authorization',
  'range',
  'referer',
  'retry-after',
  'tk',
  'upgrade-insecure-requests',
  'user-agent',
  'x-content-type-options',
]);

const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

/** Node writes a null byte as the end of the value, so that another field could follow. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

type Headers = Record<string, string | string[] | number>;

function add(headers: Headers, lowerName: string, value: string): void {
  const other = headers[lowerName];
  if (other === undefined) headers[lowerName] = value;
  // Of what may come once, the first counts, as for Node's client.
  else if (once.has(lowerName)) return;
  else if (Array.isArray(other)) other.push(value);
  else headers[lowerName] = [String(other), value];
}

/** In the form that this version of Node reads fastest. @throws when a field cannot be written. */
export function writeHead(status: number, fields: Fields): OutgoingHttpHeaders {
  if (status < 200 || status > 599) throw new TypeError(`HTTP/2 has no status ${status}`);
  return takesLists ? asHeaders(listStatus(status, fields)) : writeStatus(status, fields);
}

/** The head of a 1xx response. */
export function writeInformational(status: number, fields: Fields): OutgoingHttpHeaders {
  return writeStatus(status, filterWritable(fields));
}

/** Trailers; those that cannot be written are left out, as the head has been sent. */
export function writeTrailers(fields: Fields): OutgoingHttpHeaders {
  const headers: Headers = createFieldObject();
  const writable = filterWritable(fields);
  for (let i = 0; i < writable.length; i += 2) add(headers, writable[i]!, writable[i + 1]!);
  return headers;
}

/** @throws when it is malformed. */
function checkField(name: string, value: string): void {
  if (!TOKEN.test(name)) {
    throw new TypeError(`the name of field ${JSON.stringify(name)} is malformed`);
  }
  if (!VALUE.test(value)) throw new TypeError(`the value of field ${name} is malformed`);
}

function hasName(list: readonly string[], lowerName: string): boolean {
  for (let i = 0; i < list.length; i += 2) if (list[i] === lowerName) return true;
  return false;
}

/** As `writeStatus`, where Node takes a list. @throws when a field cannot be written. */
export function listStatus(status: number, fields: Fields): string[] {
  const list = [':status', String(status)];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!.toLowerCase();
    const value = fields[i + 1]!;
    if (hopByHop.has(name)) continue;
    checkField(name, value);
    if (once.has(name) && hasName(list, name)) continue;
    list.push(name, value);
  }
  return list;
}

/** @throws when a field cannot be written. */
export function writeStatus(status: number, fields: Fields): OutgoingHttpHeaders {
  const headers: Headers = createFieldObject();
  headers[':status'] = status;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!.toLowerCase();
    const value = fields[i + 1]!;
    if (hopByHop.has(name)) continue;
    checkField(name, value);
    add(headers, name, value);
  }
  return headers;
}

function filterWritable(fields: Fields): string[] {
  const writable: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!.toLowerCase();
    if (!hopByHop.has(name) && TOKEN.test(name) && VALUE.test(fields[i + 1]!)) {
      writable.push(name, fields[i + 1]!);
    }
  }
  return writable;
}
