/** Which responses may be kept as the last good one, and which calls may be given one (RFC 9110, 9111). */
import type { Call } from '../../core/call.js';
import { isOpenEnded, type Reply } from '../../core/reply.js';
import { allValues, hasField, listMembers } from '../../http/fields.js';

/** Bytes of the longest body that is kept. */
export const MAX_KEPT_BYTES = 1024 * 1024;

/** A GET with a body asks for what the body says; an upgrade does not ask for a representation. */
function asksForRepresentation({ method, body, headers }: Call): boolean {
  return (
    (method === 'GET' || method === 'HEAD') && body === undefined && !hasField(headers, 'upgrade')
  );
}

export function mayKeepResponseTo(call: Call): boolean {
  return (
    asksForRepresentation(call) &&
    !hasField(call.headers, 'range') &&
    !listMembers(call.headers, 'cache-control').includes('no-store')
  );
}

export function mayServe(call: Call): boolean {
  // RFC 9110, section 13.2.1: the origin must evaluate these two.
  return (
    asksForRepresentation(call) &&
    !hasField(call.headers, 'if-match') &&
    !hasField(call.headers, 'if-unmodified-since')
  );
}

/** Whether the upstream can tell the caller by more than the URL. */
const isIdentified = ({ headers }: Call) =>
  hasField(headers, 'authorization') || hasField(headers, 'cookie');

/** Breakwater overwrites these fields, so the client's values cannot be used as `Vary` keys. */
const unknowable = new Set(['*', 'x-forwarded-for', 'x-request-id', 'x-attempt-count', 'via']);

export function mayKeep(call: Call, reply: Reply): boolean {
  const { status, headers } = reply;
  if (status !== 200 || isOpenEnded(reply)) return false;
  // It starts or changes the session of one client: neither the field nor the body is for other clients (as in nginx).
  if (hasField(headers, 'set-cookie')) return false;
  // A substitute that the next hop has sent is not the last good response.
  if (hasField(headers, 'x-breakwater-fallback')) return false;
  const directives = listMembers(headers, 'cache-control');
  if (directives.includes('no-store')) return false;
  // For one user only (RFC 9111, section 5.2.2.7): the key must identify the user.
  if (directives.includes('private') && !isIdentified(call)) return false;
  if (listMembers(headers, 'vary').some((name) => unknowable.has(name))) return false;
  return !allValues(headers, 'content-length').some((length) => Number(length) > MAX_KEPT_BYTES);
}
