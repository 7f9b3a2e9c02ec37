/** Responses that are here as a whole leave in one write, and together with those of other connections. */
import type { ServerResponse } from 'node:http';
import type { Clock } from '../../core/clock.js';
import type { Release } from '../../core/reply.js';

/** Longest body to join to a head: for longer ones another system call costs less than the copy. */
const JOINED_BYTES = 16 * 1024;

/** A head that has been made but not sent (`writeHead`); Node sends it together with the first bytes of the body. */
interface PendingHead {
  _header: unknown;
  readonly _headerSent: unknown;
}

/**
 * Ends a response whose head has been given to `writeHead` and whose body is `body`. Node would write head and body as
 * two pieces of one vector, which takes a third longer than a single string. Where its response object is not what it
 * has been in all versions so far, the plain way remains.
 */
export function endWith(
  response: ServerResponse,
  body: Buffer,
  clock: Clock,
  release?: Release,
): void {
  // Node's types do not have these properties. What follows checks that they are what it expects.
  const pending = response as unknown as PendingHead;
  if (
    body.length > JOINED_BYTES ||
    typeof pending._header !== 'string' ||
    // It has left already: what is added to it now would be lost.
    pending._headerSent !== false ||
    response.chunkedEncoding ||
    response.req.method === 'HEAD'
  ) {
    // At once: its bytes are in the processor's cache now, and at the end of the turn they are not any more. To wait took a
    // response of 100 KiB 10% longer, and the memory of all of a turn's responses.
    if (body.length > JOINED_BYTES) response.end(body, onSent(release));
    else clock.atTurnEnd(() => response.end(body, onSent(release)));
    return;
  }
  // Latin-1 is byte for byte, and the way in which Node writes a head that comes with no other text.
  pending._header += body.toString('latin1');
  release?.();
  clock.atTurnEnd(() => response.end());
}

/** What was to be sent to a client that has left may still be somewhere in Node: only what was sent is not read again. */
export const onSent = (release: Release | undefined) =>
  release && ((error?: Error | null): void => void (error || release()));
