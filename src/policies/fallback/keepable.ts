/** What a response means for the last good one, and which calls may be given one (RFC 9110, 9111). */
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

function mayKeepResponseTo(call: Call): boolean {
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

/** By its own words. */
function mustNotBeKept(call: Call, { headers }: Reply): boolean {
  const directives = listMembers(headers, 'cache-control');
  // For one user only (RFC 9111, section 5.2.2.7): the key must identify the user.
  return directives.includes('no-store') || (directives.includes('private') && !isIdentified(call));
}

/** Breakwater overwrites these fields, so the client's values cannot be used as `Vary` keys. */
const unknowable = new Set(['*', 'x-forwarded-for', 'x-request-id', 'x-attempt-count', 'via']);

function mayKeep(call: Call, reply: Reply): boolean {
  const { status, headers } = reply;
  if (status !== 200 || isOpenEnded(reply)) return false;
  // It starts or changes the session of one client: neither the field nor the body is for other clients (as in nginx).
  if (hasField(headers, 'set-cookie')) return false;
  if (mustNotBeKept(call, reply)) return false;
  if (listMembers(headers, 'vary').some((name) => unknowable.has(name))) return false;
  return !allValues(headers, 'content-length').some((length) => Number(length) > MAX_KEPT_BYTES);
}

/** All that are registered as safe; an unknown one may change things. */
const safeMethods = new Set('GET HEAD OPTIONS TRACE PROPFIND REPORT SEARCH QUERY'.split(' '));

/** The caller is not to have what was there before. */
const endings = new Set([401, 403, 404, 410]);

/**
 * `good`: it becomes the last good response. `gone`: there is none any more for this caller. `changed`: whatever is kept
 * of its URL is out of date, for all callers (RFC 9111, section 4.4). `confirmed`: what is kept is up to date.
 */
export type News = 'good' | 'gone' | 'changed' | 'confirmed';

/** @returns undefined where the response says nothing about what is kept. */
export function newsOf(call: Call, reply: Reply): News | undefined {
  const { status, headers } = reply;
  // A substitute that the next hop has sent is no news of the upstream.
  if (hasField(headers, 'x-breakwater-fallback')) return undefined;
  if (!safeMethods.has(call.method)) return status >= 200 && status < 400 ? 'changed' : undefined;
  if (!asksForRepresentation(call)) return undefined;
  if (endings.has(status)) return 'gone';
  if (status !== 200 && status !== 304) return undefined;
  if (mustNotBeKept(call, reply)) return 'gone';
  if (status === 304) return 'confirmed';
  return mayKeepResponseTo(call) && mayKeep(call, reply) ? 'good' : undefined;
}
