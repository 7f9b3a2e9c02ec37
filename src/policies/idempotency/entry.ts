/** What a key holds in the store, and which header fields of a response are kept with it. */
import { decodeKept, keptKinds } from '../../core/kept-response.js';
import { combinedValue, filterFields, type Fields } from '../../http/fields.js';
import { hopByHop, nominated } from '../../http/hop-by-hop.js';

export const REPLAYED = 'Idempotency-Replayed';
const REPLAYED_LOWER = REPLAYED.toLowerCase();

/** What a key holds: a call that runs, or the response of one that has ended. */
export interface LockHead {
  readonly fingerprint: string;
  /** Of the one call whose lock it is. */
  readonly token: string;
}
export interface RecordHead {
  readonly fingerprint: string;
  readonly status: number;
  readonly statusText: string;
  readonly headers: Fields;
  readonly trailers: Fields;
}
type Entry =
  | { readonly isOver: false; readonly head: LockHead }
  | { readonly isOver: true; readonly head: RecordHead; readonly body: Buffer };

/** @throws where it is nothing that this policy has kept. */
export function readEntry(value: Buffer): Entry {
  const kept = decodeKept(value);
  if (kept?.kind === keptKinds.lock) return { isOver: false, head: kept.head as LockHead };
  if (kept?.kind !== keptKinds.response) throw new Error('unknown kind of entry');
  return { isOver: true, head: kept.head as RecordHead, body: kept.body };
}

/** The fields that belong to the response, rather than to the connection or the exchange that brought it. */
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
