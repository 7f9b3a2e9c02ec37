/** Last good answers: which may be kept, whom they may be given to, and how a kept one is served (RFC 9110, 9111). */
import type { Call } from '../../core/call.js';
import type { Clock } from '../../core/clock.js';
import { CopiedReply } from './copied-reply.js';
import { MAX_KEPT_BYTES, mayKeep, mayKeepResponseTo, mayServe } from './keepable.js';
import { parseHttpDate } from '../../http/date.js';
import { decodeKept, encodeKept, keptKinds } from '../../core/kept-response.js';
import { MemoryReply } from '../../core/memory-reply.js';
import {
  allValues,
  filterFields,
  firstValue,
  listMembers,
  type Fields,
} from '../../http/fields.js';
import type { Reply } from '../../core/reply.js';
import type { Store } from '../../core/store.js';

/** Of this one message, or made anew for each answer. */
const notKept = new Set(['age', 'transfer-encoding', 'trailer', 'x-request-id']);

const isKept = (lowerName: string) => !notKept.has(lowerName);

interface Head {
  readonly statusText: string;
  readonly headers: Fields;
  /** When the answer came, ms since the Unix epoch. */
  readonly atMs: number;
  /** Its age on arrival, in seconds. */
  readonly age: number;
}

interface Entry {
  readonly head: Head;
  readonly body: Buffer;
}

export interface LastGoodOptions {
  /** An upstream's answers are its own, also where upstreams share a store. */
  readonly upstream: string;
  readonly store: Store;
  readonly clock: Clock;
  /** One-way: keys must not tell credentials. */
  readonly hash: (text: string) => string;
  /** How long answers are kept. */
  readonly ttlMs: number;
}

/**
 * Two levels of keys, as an answer's `Vary` is known only once it is there: under the first, from all that tells
 * callers apart in any case, stands the answer itself, or else the names of the fields that it varies by; under the
 * second, from their values too, the answer.
 */
export class LastGood {
  readonly #options: LastGoodOptions;

  constructor(options: LastGoodOptions) {
    this.#options = options;
  }

  /** The reply to pass on in place of `reply`: copied on its way if it may be kept, else itself. */
  watch(call: Call, reply: Reply): Reply {
    if (!mayKeepResponseTo(call) || !mayKeep(call, reply)) return reply;
    const atMs = this.#options.clock.wallNow();
    return new CopiedReply(reply, {
      maxBytes: MAX_KEPT_BYTES,
      onCopy: (body) => {
        // The store being away costs a copy, and is the store's to report.
        this.#keep(call, reply, atMs, body).catch(() => {});
      },
    });
  }

  /** @returns the answer to give, undefined when there is none of at most `maxAgeMs`. Rejects when the store does. */
  async find(call: Call, maxAgeMs: number): Promise<Reply | undefined> {
    if (!mayServe(call)) return undefined;
    let entry = await this.#load(call, 'GET', maxAgeMs);
    if (entry === undefined && call.method === 'HEAD') {
      entry = await this.#load(call, 'HEAD', maxAgeMs);
    }
    return entry && serve(call, entry, this.#options.clock.wallNow());
  }

  async #keep(call: Call, reply: Reply, atMs: number, body: Buffer): Promise<void> {
    const { store, ttlMs } = this.#options;
    const headers = filterFields(reply.headers, isKept);
    const age = Number(firstValue(reply.headers, 'age') ?? 0);
    const head: Head = {
      statusText: reply.statusText,
      headers,
      atMs,
      age: age > 0 && age < Infinity ? Math.floor(age) : 0,
    };
    const entry = encodeKept(keptKinds.response, head, body);
    const first = this.#firstKey(call, call.method);
    const names = [...new Set(listMembers(reply.headers, 'vary'))].toSorted();
    if (names.length === 0) return store.set(first, entry, ttlMs);
    await store.set(this.#secondKey(first, call, names), entry, ttlMs);
    await store.set(first, encodeKept(keptKinds.vary, names), ttlMs);
  }

  async #load(call: Call, method: string, maxAgeMs: number): Promise<Entry | undefined> {
    const { store, clock } = this.#options;
    const first = this.#firstKey(call, method);
    let found = await getDecoded(store, first);
    if (found?.kind === keptKinds.vary) {
      found = await getDecoded(store, this.#secondKey(first, call, found.head as string[]));
    }
    if (found?.kind !== keptKinds.response) return undefined;
    const head = found.head as Head;
    return clock.wallNow() - head.atMs > maxAgeMs ? undefined : { head, body: found.body };
  }

  /**
   * The URL as the upstream sees it, and who asks. The client's own Host is no part of it unless it is sent on: replicas
   * of this proxy are called by different ones.
   */
  #firstKey({ headers, host = '', path }: Call, method: string): string {
    const { upstream, hash } = this.#options;
    const parts = ['x-forwarded-host', 'authorization', 'cookie'];
    const values = parts.map((name) => allValues(headers, name));
    const text = JSON.stringify([method, host, path, ...values]);
    return `last-good:${upstream}:${hash(text)}`;
  }

  #secondKey(first: string, { headers }: Call, names: readonly string[]): string {
    const values = names.map((name) => [name, allValues(headers, name)]);
    return `${first}:${this.#options.hash(JSON.stringify(values))}`;
  }
}

async function getDecoded(store: Store, key: string) {
  const value = await store.get(key);
  return value && decodeKept(value);
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

function serve(call: Call, { head, body }: Entry, nowMs: number): Reply {
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

const withoutWeakness = (tag: string) => tag.replace(/^W\//, '');

/** RFC 9110, section 13.1.2: compared weakly; a tag may hold commas. */
const ENTITY_TAG = /(?:W\/)?"[^"]*"/g;

/** Evaluates If-None-Match, or else If-Modified-Since (RFC 9110, section 13.2.2; RFC 9111, section 4.3.2). */
function isKnownToCaller(call: Call, head: Head): boolean {
  const noneMatch = allValues(call.headers, 'if-none-match');
  if (noneMatch.length > 0) {
    const tag = firstValue(head.headers, 'etag')?.trim();
    return noneMatch.some(
      (value) =>
        value.trim() === '*' ||
        (tag !== undefined &&
          (value.match(ENTITY_TAG) ?? []).some(
            (candidate) => withoutWeakness(candidate) === withoutWeakness(tag),
          )),
    );
  }
  const since = firstValue(call.headers, 'if-modified-since');
  const sinceMs = since === undefined ? undefined : parseHttpDate(since);
  if (sinceMs === undefined) return false;
  const modified = firstValue(head.headers, 'last-modified');
  const date = firstValue(head.headers, 'date');
  const modifiedMs = parseHttpDate(modified ?? '') ?? parseHttpDate(date ?? '') ?? head.atMs;
  return modifiedMs <= sinceMs;
}
