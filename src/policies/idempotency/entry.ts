/** What a key holds in the store, and which header fields of an answer are kept in it. */
import { combinedValue, filterFields, type Fields } from '../../http/fields.js';
import { hopByHop, nominated } from '../../http/hop-by-hop.js';

export const REPLAYED = 'Idempotency-Replayed';
const REPLAYED_LOWER = REPLAYED.toLowerCase();

/** What a key holds: a call that runs, or the answer of one that has ended. */
export interface LockHead {
  readonly state: 'running';
  readonly fingerprint: string;
  /** Of the one call whose lock it is. */
  readonly token: string;
}
export interface RecordHead {
  readonly state: 'done';
  readonly fingerprint: string;
  readonly status: number;
  readonly statusText: string;
  readonly headers: Fields;
  readonly trailers: Fields;
}
export type EntryHead = LockHead | RecordHead;

const LINE_FEED = 0x0a;

/** A line of JSON, which holds no line feed itself, then the body's bytes as they are. */
export function encode(head: EntryHead, body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), body]);
}

/** @throws where it is nothing that `encode` made. */
export function decode(entry: Buffer): { readonly head: EntryHead; readonly body: Buffer } {
  const end = entry.indexOf(LINE_FEED);
  const head = JSON.parse(entry.toString('utf8', 0, end)) as EntryHead;
  if (head.state !== 'running' && head.state !== 'done') throw new Error('unknown kind of entry');
  return { head, body: entry.subarray(end + 1) };
}

/** The fields that belong to the answer, rather than to the connection or the exchange that brought it. */
export function keptHeaders(headers: Fields): string[] {
  const drop = nominated(combinedValue(headers, 'connection'));
  return filterFields(
    headers,
    (lower) =>
      !hopByHop.has(lower) &&
      !drop.has(lower) &&
      lower !== 'x-request-id' &&
      // An upstream that has keys of its own speaks of its own repetitions.
      lower !== REPLAYED_LOWER,
  );
}
