/**
 * Owns the end of a stream: tells a complete response from one that was cut, what a cut says about the request, and ends a
 * stream so that the other side cannot take what it has got for the whole.
 */
import { constants, type ClientHttp2Stream } from 'node:http2';
import { Duplex } from 'node:stream';
import { ResponseFault, ResponseUnfinished } from '../client.js';

/** RFC 9113, section 7, by number. */
const codeNames = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
];

export const codeName = (code: number): string => codeNames[code] ?? `code ${code}`;

/** The stream was reset, or refused, although its connection goes on. */
export class StreamReset extends Error {
  override readonly name = 'StreamReset';
}

const COMPLETE = Symbol('complete');

interface WatchedStream extends ClientHttp2Stream {
  [COMPLETE]?: true;
}

/**
 * In place of the stream's own `push`. Node ends the readable side of a stream after END_STREAM, and also after a reset with
 * any code and after the loss of the connection. It marks the stream as closed before that in all cases but the first.
 */
function push(this: WatchedStream, chunk: unknown, encoding?: BufferEncoding): boolean {
  if (chunk === null && !this.closed) this[COMPLETE] = true;
  return Duplex.prototype.push.call(this, chunk, encoding);
}

/** To be called before anything of the response can have come. */
export function watchEnd(stream: ClientHttp2Stream): void {
  stream.push = push;
}

/** The other side has ended its response with END_STREAM. */
export const isComplete = (stream: WatchedStream): boolean => stream[COMPLETE] === true;

/**
 * Ends the stream with CANCEL. Node ends the writable side before it sends the reset: the other side could take a part of a
 * body for all of it, if it was not opened with `waitForTrailers`, as streams with a body that is still coming are.
 *
 * It does so a little later: while a session hands over what it has read, Node puts a reset off, and from version 22 on the
 * whole process ends with a failed assertion where the stream is destroyed before that.
 */
export function cancel(stream: ClientHttp2Stream): void {
  setImmediate(closeStream, stream);
}

function closeStream(stream: ClientHttp2Stream): void {
  if (!stream.closed && !stream.destroyed) stream.close(constants.NGHTTP2_CANCEL);
}

/** Why a stream has ended that was not complete, while its connection goes on. */
export function explainReset(code: number, isGoingAway: boolean): Error {
  const name = codeName(code);
  switch (code) {
    case constants.NGHTTP2_REFUSED_STREAM:
      return new StreamReset(
        isGoingAway
          ? 'it is closing the connection and did not take the request (GOAWAY)'
          : 'it refused the stream (REFUSED_STREAM)',
      );
    case constants.NGHTTP2_NO_ERROR:
      return new ResponseUnfinished(
        'it ended the stream before the response was complete (NO_ERROR)',
      );
    case constants.NGHTTP2_PROTOCOL_ERROR:
      // Node ends the stream with the same code where a response has no status, or a body of another length than it says.
      return new ResponseFault(
        'the stream was reset (PROTOCOL_ERROR): its response, or the request in its eyes, is malformed',
      );
    case constants.NGHTTP2_ENHANCE_YOUR_CALM:
      // Node ends the stream with the same code where the head of a response is too large.
      return new StreamReset(
        'the stream was reset (ENHANCE_YOUR_CALM): it has too many requests, or the head of its response is too large',
      );
    default:
      return new StreamReset(`the stream was reset (${name})`);
  }
}

/** What a session reports where it finds a mistake of the other side: the connection is lost then. */
export function explainSessionError(error: Error): Error {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ERR_HTTP2_ERROR' || code === 'ERR_HTTP2_TOO_MANY_INVALID_FRAMES'
    ? new ResponseFault(`it broke the HTTP/2 protocol (${error.message})`)
    : error;
}
