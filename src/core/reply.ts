/** A response on its way to the client: status and headers now, body chunks handed over with back-pressure. */
import { firstValue, type Fields } from '../http/fields.js';
import type { CallFailure } from './errors.js';
import type { Outcome } from './outcome.js';

/** Gives the memory of a chunk back, to be overwritten. Without the call the garbage collection finds it. */
export type Release = () => void;

/** Bytes of a body, and what to call once they are not read any more. */
export interface Chunk {
  readonly bytes: Buffer;
  readonly release: Release | undefined;
}

/** Where a reply's body goes. */
export interface ReplySink {
  /**
   * @param release the chunk is the sink's until the sink calls this, once.
   * @returns false when the sink is full; the reply then waits for `resume()`.
   */
  onData(chunk: Buffer, release?: Release): boolean;
  /** The body is complete. */
  onEnd(trailers: Fields): void;
  /** The body broke off: the sink has only a part of it. */
  onError(error: CallFailure): void;
}

/** Takes everything and keeps nothing. */
export const drain: ReplySink = {
  onData(_chunk, release) {
    release?.();
    return true;
  },
  onEnd() {},
  onError() {},
};

/**
 * Not a stream object on purpose: what arrives before a sink is attached is kept and handed over at once, so that a
 * small response can leave in a single write.
 */
export interface Reply {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Fields;
  /**
   * What it means for its attempt. Undefined until that is known: a gRPC response says it in its trailers. It may change
   * until `onFinished`, because a body may break off.
   */
  readonly outcome: Outcome | undefined;
  /** True when the whole body has arrived already. */
  readonly isComplete: boolean;
  /** Hands over what has been kept, then what still comes. Once only. */
  attach(sink: ReplySink): void;
  /** Goes on after `onData` of the sink returned false. */
  resume(): void;
  /** The body is not wanted: drains it where that is cheap, so that the connection can be used again, else closes it. */
  discard(): void;
  /** Ends the body now; listeners and the sink see `error`. */
  abort(error: CallFailure): void;
  /**
   * Calls back exactly once, at the end of the body, before the sink sees that end; at once when it is over already.
   * Callbacks run in the order they were given: innermost policy first.
   */
  onFinished(listener: (error: CallFailure | undefined) => void): void;
}

const OPEN_ENDED = /^(?:text\/event-stream|application\/grpc(?:\+[^;\s]*)?)\s*(?:;|$)/i;

/**
 * An event stream has no planned end, and a gRPC response may be a stream: `timeout.total` and `timeout.idle` do not hold
 * for them.
 */
export function isOpenEnded(reply: Pick<Reply, 'headers'>): boolean {
  const type = firstValue(reply.headers, 'content-type');
  return type !== undefined && OPEN_ENDED.test(type);
}
