/** A kept response: what is kept of one, how it is served, and how a 304 updates it (RFC 9110, 9111). */
import type { Call } from '../../core/call.js';
import { parseHttpDate } from '../../http/date.js';
import { MemoryReply } from '../../core/memory-reply.js';
import { allValues, filterFields, firstValue, type Fields } from '../../http/fields.js';
import type { Reply } from '../../core/reply.js';

/** Of this one message, or made anew for each response. */
const notKept = new Set(['age', 'transfer-encoding', 'trailer', 'x-request-id']);

export const keptFields = (headers: Fields) =>
  filterFields(headers, (lowerName) => !notKept.has(lowerName));

export interface Head {
  readonly statusText: string;
  readonly headers: Fields;
  /** When the response came, or was last confirmed, on the clock of the cache. */
  readonly atMs: number;
  /** When it was asked for, on that clock: it may miss what has changed since. */
  readonly sinceMs: number;
  /** When it came, ms since the Unix epoch. */
  readonly wallMs: number;
  /** Its age on arrival, in seconds. */
  readonly age: number;
}

export interface Entry {
  readonly head: Head;
  readonly body: Buffer;
}

/** The age that a response says it has, in seconds. */
export function ageOf({ headers }: Reply): number {
  const age = Number(firstValue(headers, 'age') ?? 0);
  return age > 0 && age < Infinity ? Math.floor(age) : 0;
}

/** Of a 304 (RFC 9110, section 15.4.5); all else the caller has already. */
const notModifiedFields = new Set([
  'cache-control',
  'content-location',
  'date',
  'etag',
  'expires',
  'last-modified',
  'vary',
]);

const isForNotModified = (lowerName: string) => notModifiedFields.has(lowerName);

const isNoLength = (lowerName: string) => lowerName !== 'content-length';

/** @param nowMs on the clock of the cache. */
export function serve(call: Call, { head, body }: Entry, nowMs: number): Reply {
  const isNotModified = isKnownToCaller(call, head);
  const isWhole = call.method === 'GET' && !isNotModified;
  const headers = filterFields(head.headers, isNotModified ? isForNotModified : isNoLength);
  // A HEAD's own entry has no body to count.
  const length =
    body.length > 0 || call.method === 'GET'
      ? String(body.length)
      : firstValue(head.headers, 'content-length');
  if (!isNotModified && length !== undefined) headers.push('Content-Length', length);
  const age = head.age + Math.max(0, Math.floor((nowMs - head.atMs) / 1000));
  headers.push('Age', String(age), 'Cache-Status', 'breakwater; hit; detail=stale-if-error');
  return isNotModified
    ? new MemoryReply({ status: 304, statusText: '', headers })
    : new MemoryReply(
        { status: 200, statusText: head.statusText, headers },
        isWhole ? body : undefined,
      );
}

const withoutWeakness = (tag: string) => tag.trim().replace(/^W\//, '');

const isSameTag = (a: string, b: string) => withoutWeakness(a) === withoutWeakness(b);

/** RFC 9110, section 13.1.2: compared weakly; a tag may hold commas. */
const ENTITY_TAG = /(?:W\/)?"[^"]*"/g;

/** Evaluates If-None-Match, or else If-Modified-Since (RFC 9110, section 13.2.2; RFC 9111, section 4.3.2). */
export function isKnownToCaller(call: Call, head: Head): boolean {
  const noneMatch = allValues(call.headers, 'if-none-match');
  if (noneMatch.length > 0) {
    const tag = firstValue(head.headers, 'etag');
    return noneMatch.some(
      (value) =>
        value.trim() === '*' ||
        (tag !== undefined &&
          (value.match(ENTITY_TAG) ?? []).some((candidate) => isSameTag(candidate, tag))),
    );
  }
  const since = firstValue(call.headers, 'if-modified-since');
  const sinceMs = since === undefined ? undefined : parseHttpDate(since);
  if (sinceMs === undefined) return false;
  const modified = firstValue(head.headers, 'last-modified');
  const date = firstValue(head.headers, 'date');
  const modifiedMs = parseHttpDate(modified ?? '') ?? parseHttpDate(date ?? '') ?? head.wallMs;
  return modifiedMs <= sinceMs;
}

/** RFC 9111, section 3.2, and what is of the 304 alone. */
const notUpdated = new Set([
  'content-length',
  'content-encoding',
  'content-type',
  'content-range',
  'vary',
  'set-cookie',
  'connection',
  'keep-alive',
  ...notKept,
]);

/** @returns the fields of a kept response after a 304 to `call`; undefined where the 304 means another response. */
export function fieldsAfter(call: Call, head: Head, notModified: Reply): Fields | undefined {
  const tag = firstValue(notModified.headers, 'etag');
  const own = firstValue(head.headers, 'etag');
  const isMeant =
    tag === undefined ? isKnownToCaller(call, head) : own !== undefined && isSameTag(tag, own);
  if (!isMeant) return undefined;
  const updates = filterFields(notModified.headers, (lowerName) => !notUpdated.has(lowerName));
  const updated = new Set(updates.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase()));
  return [...filterFields(head.headers, (lowerName) => !updated.has(lowerName)), ...updates];
}
