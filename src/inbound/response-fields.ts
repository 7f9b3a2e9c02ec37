/** An upstream's header fields on their way to the client: what a hop must take out, and what this one adds (RFC 9110, section 7.6). */
import type { Call, Substitution } from '../core/call.js';
import type { Reply } from '../core/reply.js';
import { combinedValue, filterFields, hasField, type Fields } from '../http/fields.js';
import { hopByHop, nominated } from '../http/hop-by-hop.js';

const isNoRequestId = (lowerName: string) => lowerName !== 'x-request-id';

/** The upstream's fields of a 101: `Connection` and `Upgrade` are what it is about. */
export function forwardUpgradeHeaders(headers: Fields, requestId: string): string[] {
  const fields = filterFields(headers, isNoRequestId);
  fields.push('X-Request-Id', requestId);
  return fields;
}

/**
 * An upstream's fields for the client: hop-by-hop ones taken out, ours added.
 * @param requestId the exchange's, in place of any the upstream sent; empty for none.
 */
export function forwardReplyHeaders(
  headers: Fields,
  status: number,
  requestId: string,
  attempts: number,
  allowsTrailers: boolean,
): string[] {
  const drop = nominated(combinedValue(headers, 'connection'));
  // Only a chunked body has room for them.
  const dropsTrailer = !allowsTrailers || hasField(headers, 'content-length');
  // RFC 9110, section 8.6: not allowed with 204 and 1xx.
  const dropsLength = status === 204 || status < 200;
  const fields = filterFields(
    headers,
    (lower) =>
      // A 426 has to say what to upgrade to (RFC 9110, section 15.5.22).
      ((!hopByHop.has(lower) && !drop.has(lower)) || (status === 426 && lower === 'upgrade')) &&
      lower !== 'x-request-id' &&
      !(dropsTrailer && lower === 'trailer') &&
      !(dropsLength && lower === 'content-length'),
  );
  if (requestId !== '') fields.push('X-Request-Id', requestId);
  if (attempts > 1) fields.push('X-Breakwater-Attempts', String(attempts));
  return fields;
}

const isNoLabel = (lowerName: string) =>
  lowerName !== 'x-breakwater-fallback' && lowerName !== 'x-breakwater-reason';

/** The fields of a response as its client gets them, labelled where it is a substitute. */
export function fieldsForClient(
  { headers, status }: Reply,
  { attempts, attemptsElsewhere, substitution }: Call,
  requestId: string,
  allowsTrailers: boolean,
): string[] {
  const total = attempts + attemptsElsewhere;
  const fields = forwardReplyHeaders(headers, status, requestId, total, allowsTrailers);
  return substitution === undefined ? fields : labelSubstitute(fields, substitution);
}

/** Says that the response is a substitute, and why; what a hop behind says of its own does not hold for this one. */
function labelSubstitute(fields: Fields, { source, reason }: Substitution): string[] {
  const labelled = filterFields(fields, isNoLabel);
  labelled.push('X-Breakwater-Fallback', source);
  if (reason !== '') labelled.push('X-Breakwater-Reason', reason);
  return labelled;
}
