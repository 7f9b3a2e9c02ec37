/** Hands what happens on a stream to its exchange. */
import type { ClientHttp2Stream } from 'node:http2';
import { Duplex } from 'node:stream';
import { destroyReset } from '../../lib/destroy-reset.js';

/** Is told what happens on a stream. Fields are lists, as Node reads them. */
export interface StreamListener {
  onInformational(raw: string[]): void;
  onHead(flags: number, raw: string[]): void;
  onTrailers(raw: string[]): void;
  onData(chunk: Buffer): void;
  onEnd(): void;
  onError(error: Error): void;
  onClose(): void;
}

const LISTENER = Symbol('listener');

interface HeardStream extends ClientHttp2Stream {
  [LISTENER]: StreamListener;
}

/** Of a stream that is closed. */
const DEAF: StreamListener = {
  onInformational() {},
  onHead() {},
  onTrailers() {},
  onData() {},
  onEnd() {},
  onError() {},
  onClose() {},
};

/** In place of the stream's own `emit`. Node itself listens to some of the events, too. */
function emit(
  this: HeardStream,
  event: string | symbol,
  first?: unknown,
  second?: unknown,
  third?: unknown,
): boolean {
  const listener = this[LISTENER];
  switch (event) {
    case 'data':
      listener.onData(first as Buffer);
      return true;
    case 'response':
      listener.onHead(second as number, third as string[]);
      return true;
    case 'trailers':
      listener.onTrailers(third as string[]);
      return true;
    case 'headers':
      listener.onInformational(third as string[]);
      break;
    case 'end':
      listener.onEnd();
      destroyReset(this, setImmediate);
      break;
    case 'error':
      listener.onError(first as Error);
      return true;
    case 'close':
      listener.onClose();
      // As on the other side: a stream that Node still keeps must not keep its call.
      this[LISTENER] = DEAF;
      break;
    default:
      break;
  }
  return Duplex.prototype.emit.call(this, event, first, second, third);
}

const ignore = () => {};

/**
 * Instead of a listener for each event: a stream lives for one call, and seven listeners, of which Node tells the stream one by
 * one, cost as much as its frames. The response flows from now on.
 */
export function hear(stream: ClientHttp2Stream, listener: StreamListener): void {
  const heard = stream as HeardStream;
  heard[LISTENER] = listener;
  heard.emit = emit;
  // Without one, Node collects the bytes first.
  heard.on('data', ignore);
}
