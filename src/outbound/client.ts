/** What every protocol towards an upstream offers: a request goes out, and its handler is told what comes of it. */
import type { Duplex } from 'node:stream';
import type { BodyCursor } from '../core/request-body.js';
import type { Fields } from '../http/fields.js';

export interface OutboundRequest {
  readonly method: string;
  /** Path and query as they go over the wire. */
  readonly path: string;
  /** The host, and the port where it is not the scheme's own (RFC 9110, section 7.2). */
  readonly authority: string;
  /** All but those that belong to one connection. */
  readonly fields: Fields;
  readonly body: BodyCursor | undefined;
  /** The protocol to upgrade to, as the client names it. */
  readonly upgrade: string | undefined;
}

export interface ResponseHead {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Fields;
}

/** How far a request had come when it failed. */
export interface Progress {
  /** A connection was there. */
  readonly isConnected: boolean;
  /** Of the request: not one byte, or something. */
  readonly sent: 'none' | 'some';
  /** The connection had carried an exchange before: the upstream may have closed it meanwhile. */
  readonly isReused: boolean;
  /** Something of the response had come. */
  readonly hasAnswerBegun: boolean;
}

/** The way to a request that is under way: a connection, or one of its streams. */
export interface Dispatched {
  /** The whole request has left. */
  readonly hasSentAll: boolean;
  /** No more of the response is read until `resume`. */
  pause(): void;
  resume(): void;
  /** Ends it at once; the handler is told nothing more. */
  destroy(): void;
}

/** Is told until `onEnd`, `onUpgrade` or `onFailure`, whichever comes first. */
export interface ResponseHandler {
  /** The handler wants nothing any more; read before a connection is used for its request. */
  readonly isOver: boolean;
  /** A connection is there and the request begins to leave. May come again where not one byte had left over the one before. */
  onStart(dispatched: Dispatched): void;
  /** The upstream does not take (true), or takes again (false), bytes of the body that are there. */
  onStall(isStalled: boolean): void;
  /** The last byte of a body that was still coming has been taken. */
  onSent(): void;
  onInformational(head: ResponseHead): void;
  onHead(head: ResponseHead): void;
  onData(chunk: Buffer): void;
  onEnd(trailers: Fields): void;
  /** The connection is the handler's from now on. */
  onUpgrade(head: ResponseHead, socket: Duplex): void;
  onFailure(error: Error, progress: Progress): void;
}

/** The connections to one address. */
export interface HttpClient {
  /** No limit and no queue, which no deadline would know of: each request gets a connection or stream. */
  dispatch(request: OutboundRequest, handler: ResponseHandler): void;
  /** Closes the connections once the last of those that opened it has let go; no request may be under way then. */
  release(): void;
  /** Ends all connections at once; requests on them fail. */
  destroy(): void;
}

/** The client is closed for good. */
export class ClientClosed extends Error {
  override readonly name = 'ClientClosed';
}

/** What the upstream sent is not valid in its protocol, or could not be passed on. */
export class ResponseFault extends Error {
  override readonly name = 'ResponseFault';
}
