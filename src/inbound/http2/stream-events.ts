/** Hands what happens on a client's stream to the one object that follows it. */
import type { ServerHttp2Stream } from 'node:http2';
import { Duplex } from 'node:stream';
import type { Fields } from '../../http/fields.js';
import { destroyReset } from '../../lib/destroy-reset.js';

/** Is told what happens on a stream. The bytes of its body are read elsewhere. */
export interface StreamListener {
  onTrailers(fields: Fields): void;
  onDrain(): void;
  /** The last byte of the body has been sent. @returns whether trailers follow it; Node ends the stream otherwise. */
  onLastSent(): boolean;
  /** The client has reset the stream, or is gone. */
  onAborted(): void;
  onClosed(): void;
}

const LISTENER = Symbol('listener');

interface HeardStream extends ServerHttp2Stream {
  [LISTENER]: StreamListener;
}

/** Of a stream that is closed. */
const DEAF: StreamListener = {
  onTrailers() {},
  onDrain() {},
  onLastSent: () => false,
  onAborted() {},
  onClosed() {},
};

/** In place of the stream's own `emit`. */
function emit(
  this: HeardStream,
  event: string | symbol,
  first?: unknown,
  second?: unknown,
  third?: unknown,
): boolean {
  const listener = this[LISTENER];
  switch (event) {
    case 'trailers':
      listener.onTrailers(third as Fields);
      return true;
    case 'wantTrailers':
      return listener.onLastSent();
    case 'aborted':
      listener.onAborted();
      break;
    case 'close':
      listener.onClosed();
      // Node's table of streams may keep this one alive until the next full collection: not the whole call with it.
      this[LISTENER] = DEAF;
      break;
    case 'drain':
      listener.onDrain();
      break;
    case 'end':
      destroyReset(this, setImmediate);
      break;
    case 'error':
      // What went wrong is known from elsewhere.
      return true;
    default:
      break;
  }
  return Duplex.prototype.emit.call(this, event, first, second, third);
}

/**
 * Instead of a listener for each event: a stream lives for one call, and six listeners, of which Node tells the stream one by
 * one, cost as much as its frames.
 */
export function hear(stream: ServerHttp2Stream, listener: StreamListener): void {
  const heard = stream as HeardStream;
  heard[LISTENER] = listener;
  heard.emit = emit;
}
