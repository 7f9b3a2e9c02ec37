/** What every protocol towards an upstream offers: it sends a request, and calls a handler with the response. */
import type { Duplex } from 'node:stream';
import type { Target, TlsOptions } from '../core/model.js';
import type { Off } from '../core/options.js';
import type { BodyCursor } from '../core/request-body.js';
import type { Release } from '../core/reply.js';
import type { Fields } from '../http/fields.js';
import type { Protocol } from './options.js';

export interface OutboundRequest {
  readonly method: string;
  /** Path and query as they go over the wire. */
  readonly path: string;
  /** The host, and the port where it is not the default of the scheme (RFC 9110, section 7.2). */
  readonly authority: string;
  /** All fields except those that belong to one connection. */
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
  /** A connection had been opened. */
  readonly isConnected: boolean;
  /** How much of the request had been sent: nothing, or something. */
  readonly sent: 'none' | 'some';
  /** The connection had carried an exchange before, so the upstream may have closed it meanwhile. */
  readonly isReused: boolean;
  /** Some bytes of the response had arrived. */
  readonly hasResponseBegun: boolean;
}

/** A request that is under way: its connection, or its stream. */
export interface Dispatched {
  /** That it goes by; undefined where something else responds in place of the upstream. */
  readonly protocolVersion: '1.1' | '2' | undefined;
  /** The whole request has been sent. */
  readonly hasSentAll: boolean;
  /** No more of the response is read until `resume`. */
  pause(): void;
  resume(): void;
  /** Ends it at once; the handler is not called any more. */
  destroy(): void;
}

/** Is called until `onEnd`, `onUpgrade` or `onFailure`, whichever comes first. */
export interface ResponseHandler {
  /** The handler wants nothing more. It is read before a connection is used for its request. */
  readonly isOver: boolean;
  /** There is a connection and sending begins. Comes again where an idle connection turned out to be closed. */
  onStart(dispatched: Dispatched): void;
  /** The upstream does not take (true), or takes again (false), bytes of the body that are ready. */
  onStall(isStalled: boolean): void;
  /** The last byte of a body that was still coming has been taken. */
  onSent(): void;
  onInformational(head: ResponseHead): void;
  onHead(head: ResponseHead): void;
  /** @param release as that of `ReplySink`. */
  onData(chunk: Buffer, release?: Release): void;
  onEnd(trailers: Fields): void;
  /** From now on the connection belongs to the handler. */
  onUpgrade(head: ResponseHead, socket: Duplex): void;
  onFailure(error: Error, progress: Progress): void;
}

/** What a client is opened for. */
export interface ClientOptions {
  readonly target: Target;
  /** The IP address, or the path of a socket, that connections go to; undefined for the addresses of the target's name. */
  readonly address: string | undefined;
  readonly tls: TlsOptions | undefined;
  readonly protocol: Protocol;
  /** ms until the opening of a connection is given up; 0 for the limit that the system commonly has. */
  readonly connectTimeoutMs: number;
  /** Longest head of a response, in bytes. */
  readonly maxHeaderSize: number;
  /** A connection older than this, in ms, carries no further exchange. */
  readonly maxAgeMs: number | Off;
}

/** The connections to one endpoint. */
export interface HttpClient {
  /** There is no limit and no queue, which no deadline would know of: each request gets a connection or stream. */
  dispatch(request: OutboundRequest, handler: ResponseHandler): void;
  /** Once per holder. With the last one idle connections close at once, and the others after their request. */
  release(): void;
  /** Ends all connections at once; requests on them fail. */
  destroy(): void;
}

/**
 * @param previous a client of an earlier configuration: it is held once more, and returned, where it was opened for the
 *   same.
 */
export type OpenClient = (options: ClientOptions, previous?: HttpClient) => HttpClient;

/** Nothing of the request has been sent: there is no connection yet. */
export const NOT_CONNECTED: Progress = {
  isConnected: false,
  sent: 'none',
  isReused: false,
  hasResponseBegun: false,
};

/** The connection broke, or ended where it should not have. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

/** The client is closed for good. */
export class ClientClosed extends Error {
  override readonly name = 'ClientClosed';
}

/** No connection could be opened in time. */
export class ConnectTimeout extends Error {
  override readonly name = 'ConnectTimeout';
}

/** What the upstream sent is not valid in its protocol, or could not be passed on. */
export class ResponseFault extends Error {
  override readonly name: string = 'ResponseFault';
}

/** A response to a gRPC call that has no gRPC status. */
export class StatusMissing extends ResponseFault {
  override readonly name = 'StatusMissing';
}

/** The upstream ended its response without an error, but before it was complete. */
export class ResponseUnfinished extends Error {
  override readonly name = 'ResponseUnfinished';
}
