/** How a response ends on the wire: complete, with trailers, or cut. A cut response never looks complete. */
import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Clock } from '../../core/clock.js';

/** How often a stream is looked at whose response waits for the client's window, in ms. */
const LOOK_AGAIN_MS = 100;

/** What a stream that is cut is destroyed with: Node makes RST_STREAM INTERNAL_ERROR of it, and clears what is queued. */
const cut = new Error('the response cannot be completed');

/** Sends a head that nothing follows: one frame, with END_STREAM. */
export function respondOnly(stream: ServerHttp2Stream, head: OutgoingHttpHeaders): void {
  stream.respond(head, { endStream: true });
}

/**
 * Sends a head that a body follows. Only a stream that waits for trailers can be cut: for any other one, Node sends
 * END_STREAM when it is closed, whatever the code.
 */
export function respondFirst(stream: ServerHttp2Stream, head: OutgoingHttpHeaders): void {
  stream.respond(head, { waitForTrailers: true });
}

/**
 * The response is complete after `last`, and after the trailers that the stream asks for then. @param onSent is called when
 * `last` has been sent.
 */
export function finish(
  stream: ServerHttp2Stream,
  last: Buffer | undefined,
  onSent: ((error?: Error | null) => void) | undefined,
): void {
  if (last !== undefined) stream.write(last, onSent);
  stream.end();
}

/**
 * Breaks the response off.
 *
 * A stream that Node is closing is destroyed a little later: Node tells that it is aborted before it resets it, and without
 * the reset it would stay open in the library, with nothing that owns it.
 */
export function breakOff(stream: ServerHttp2Stream): void {
  if (stream.closed) setImmediate(() => stream.destroy());
  else stream.destroy(cut);
}

/**
 * Tells a client that has its response, but still sends, to stop (RFC 9113, section 8.1). Not before the end of the
 * response is on its way: a reset would overtake it.
 */
export function stopUpload(stream: ServerHttp2Stream, clock: Clock): void {
  if (stream.destroyed || stream.closed) return;
  const { localClose, remoteClose } = stream.state;
  if (remoteClose === 1) return;
  if (localClose === 1) stream.close(constants.NGHTTP2_NO_ERROR);
  else clock.schedule(LOOK_AGAIN_MS, () => stopUpload(stream, clock));
}
