/** What of a request the strategy `hash` goes by. */
import type { Call } from '../../core/call.js';
import type { Fields } from '../../http/fields.js';
import { firstValue } from '../../http/fields.js';
import type { HashKey } from './options.js';

/** Undefined, or empty, where the call has no key. */
export type ReadKey = (call: Call) => string | undefined;

const SPACE = 0x20;

export function hashKeyReader(key: HashKey | undefined): ReadKey {
  if (key === 'path') return readPath;
  if (key?.header !== undefined) {
    const name = key.header.toLowerCase();
    return (call) => firstValue(call.headers, name);
  }
  if (key?.cookie !== undefined) {
    const start = `${key.cookie}=`;
    return (call) => readCookie(call.headers, start);
  }
  return () => undefined;
}

/** Without the query. */
function readPath({ path }: Call): string {
  const end = path.indexOf('?');
  return end === -1 ? path : path.slice(0, end);
}

/** HTTP/2 clients may send each cookie in a field of its own (RFC 9113, section 8.2.3). */
function readCookie(fields: Fields, start: string): string | undefined {
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    if (name.length !== 6 || name.toLowerCase() !== 'cookie') continue;
    const value = findCookie(fields[i + 1]!, start);
    if (value !== undefined) return value;
  }
  return undefined;
}

/** Searches without splitting the list (RFC 6265, section 4.2.1), which can be long. @param start the name with its `=`. */
function findCookie(list: string, start: string): string | undefined {
  for (let at = 0; at < list.length;) {
    while (list.charCodeAt(at) === SPACE) at++;
    const semicolon = list.indexOf(';', at);
    const end = semicolon === -1 ? list.length : semicolon;
    if (list.startsWith(start, at)) return list.slice(at + start.length, end);
    at = end + 1;
  }
  return undefined;
}
