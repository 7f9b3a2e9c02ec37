/** Last good responses: kept on their way to the client, dropped when the upstream says something else, found in need. */
import type { Call } from '../../core/call.js';
import type { Clock } from '../../core/clock.js';
import { decodeKept, encodeKept, encodeResponse, keptKinds } from '../../core/kept-response.js';
import type { Reply } from '../../core/reply.js';
import type { Cache, Value } from '../../core/store.js';
import { allValues, listMembers } from '../../http/fields.js';
import { CopiedReply } from './copied-reply.js';
import { MAX_KEPT_BYTES, mayServe, newsOf } from './keepable.js';
import { ageOf, fieldsAfter, keptFields, serve, type Entry, type Head } from './kept-reply.js';

export interface LastGoodOptions {
  /** An upstream's responses are its own, also where upstreams share a store. */
  readonly upstream: string;
  readonly cache: Cache;
  readonly clock: Clock;
  /** One-way: keys must not tell credentials. */
  readonly hash: (text: string) => string;
  /** How long responses are kept; undefined where none are, but other routes of the upstream keep theirs. */
  readonly ttlMs: number | undefined;
  /** How long news are: as long as any route of the upstream keeps responses. */
  readonly newsMs: number;
}

/** Each may have one of its own; GET comes first, because its response also serves HEAD. */
const METHODS = ['GET', 'HEAD'] as const;

interface Found extends Entry {
  readonly key: string;
}

/**
 * Two levels of keys, as a response's `Vary` is known only once it is there: under the first, from all that tells
 * callers apart in any case, stands the response itself, or else the names of the fields that it varies by; under the
 * second, from their values too, the response.
 *
 * News stand beside them, for a response or for all of a URL: what was asked for before is out of date, even if it is
 * only kept after the news.
 */
export class LastGood {
  readonly #options: LastGoodOptions;

  constructor(options: LastGoodOptions) {
    this.#options = options;
  }

  /**
   * Takes note of what a response says about the kept one.
   * @returns the reply to pass on in its place: copied on its way if it may be kept, otherwise itself.
   */
  watch(call: Call, reply: Reply): Reply {
    const { ttlMs } = this.#options;
    const news = newsOf(call, reply);
    if (news === undefined) return reply;
    const head = this.#headOf(call, reply);
    if (news === 'good') {
      if (ttlMs === undefined) return reply;
      const onCopy = (body: Value) => void this.#keep(call, head, body, ttlMs).catch(ignore);
      return new CopiedReply(reply, { maxBytes: MAX_KEPT_BYTES, onCopy });
    }
    if (news === 'changed') this.#tell(this.#urlKey(call), head.atMs).catch(ignore);
    else if (news === 'gone') this.#drop(call, head.atMs).catch(ignore);
    else if (ttlMs !== undefined) this.#refresh(call, reply, head, ttlMs).catch(ignore);
    return reply;
  }

  /** @returns the reply to give, undefined when there is none of at most `maxAgeMs`. Rejects when the store does. */
  async find(call: Call, maxAgeMs: number): Promise<Reply | undefined> {
    if (!mayServe(call)) return undefined;
    const { cache } = this.#options;
    for (const method of METHODS) {
      const found = await this.#load(call, method);
      const nowMs = cache.now();
      if (found !== undefined && nowMs - found.head.atMs <= maxAgeMs) {
        return serve(call, found, nowMs);
      }
      if (call.method === method) break;
    }
    return undefined;
  }

  #headOf(call: Call, reply: Reply): Head {
    const { cache, clock } = this.#options;
    const atMs = cache.now();
    return {
      statusText: reply.statusText,
      headers: keptFields(reply.headers),
      atMs,
      sinceMs: atMs - (clock.now() - call.startedAtMs),
      wallMs: clock.wallNow(),
      age: ageOf(reply),
    };
  }

  async #keep(call: Call, head: Head, body: Value, ttlMs: number): Promise<void> {
    const { cache } = this.#options;
    const first = this.#firstKey(call, call.method);
    const names = [...new Set(listMembers(head.headers, 'vary'))].toSorted();
    const key = names.length === 0 ? first : this.#secondKey(first, call, names);
    await cache.set(key, encodeResponse(head, body), ttlMs);
    if (names.length > 0) await cache.set(first, [encodeKept(keptKinds.vary, names)], ttlMs);
  }

  /** Only where there is something: each unknown URL is a 404 as well. */
  async #drop(call: Call, atMs: number): Promise<void> {
    for (const method of METHODS) {
      const found = await this.#load(call, method);
      if (found !== undefined) await this.#tell(found.key, atMs);
    }
  }

  async #refresh(
    call: Call,
    notModified: Reply,
    { atMs, sinceMs, age }: Head,
    ttlMs: number,
  ): Promise<void> {
    const { cache } = this.#options;
    for (const method of METHODS) {
      const found = await this.#load(call, method);
      const headers = found && fieldsAfter(call, found.head, notModified);
      if (headers === undefined) continue;
      const { key, head, body } = found!;
      const confirmed: Head = { ...head, headers, atMs, sinceMs, age };
      await cache.set(key, encodeResponse(confirmed, [body]), ttlMs);
    }
  }

  #tell(key: string, atMs: number): Promise<void> {
    const { cache, newsMs } = this.#options;
    return cache.set(newsKey(key), [encodeKept(keptKinds.news, { atMs })], newsMs);
  }

  /** @returns what is kept, unless there are news. */
  async #load(call: Call, method: string): Promise<Found | undefined> {
    const { cache } = this.#options;
    let key = this.#firstKey(call, method);
    let found = await getDecoded(cache, key);
    if (found?.kind === keptKinds.vary) {
      key = this.#secondKey(key, call, found.head as string[]);
      found = await getDecoded(cache, key);
    }
    if (found?.kind !== keptKinds.response) return undefined;
    const head = found.head as Head;
    // After the response, so that they are the last to make room.
    const news = await Promise.all(
      [key, this.#urlKey(call)].map((each) => getDecoded(cache, newsKey(each))),
    );
    for (const each of news) {
      if (each?.kind !== keptKinds.news) continue;
      if (!(head.sinceMs > (each.head as { readonly atMs: number }).atMs)) return undefined;
    }
    return { key, head, body: found.body };
  }

  /**
   * The URL as the upstream sees it, and who asks. The client's own Host is no part of it unless it is sent on: replicas
   * of this proxy are called by different ones.
   */
  #firstKey({ headers, host = '', path }: Call, method: string): string {
    const parts = ['x-forwarded-host', 'authorization', 'cookie'];
    const values = parts.map((name) => allValues(headers, name));
    return this.#keyOf([method, host, path, ...values]);
  }

  #secondKey(first: string, { headers }: Call, names: readonly string[]): string {
    const values = names.map((name) => [name, allValues(headers, name)]);
    return `${first}:${this.#options.hash(JSON.stringify(values))}`;
  }

  /** Of all methods and callers. */
  #urlKey({ host = '', path }: Call): string {
    return this.#keyOf([host, path]);
  }

  #keyOf(parts: readonly unknown[]): string {
    const { upstream, hash } = this.#options;
    return `last-good:${upstream}:${hash(JSON.stringify(parts))}`;
  }
}

/** The store being away costs what would have been kept, and is the store's to report. */
const ignore = (): void => {};

const newsKey = (key: string) => `${key}:news`;

async function getDecoded(cache: Cache, key: string) {
  const value = await cache.get(key);
  return value && decodeKept(value);
}
