/** What every protocol towards clients offers: a request comes in, and its response goes out by the same stream. */
import type { Duplex } from 'node:stream';
import type { Release } from '../core/reply.js';
import type { Fields } from '../http/fields.js';

/** The head of a request. Read once or twice per exchange, so that an implementation may compute it each time. */
export interface RequestHead {
  readonly method: string;
  /** The request's target as on the wire; the `:path` of HTTP/2. */
  readonly target: string;
  /** As `Via` names it (RFC 9110, section 7.6.3): `1.0`, `1.1` or `2.0`. */
  readonly protocolVersion: string;
  /** In the order and case of the wire; without the pseudo-header fields of HTTP/2. */
  readonly fields: Fields;
  /** The `Host` field, or the `:authority` of HTTP/2. */
  readonly host: string | undefined;
  /** The client's IP address; undefined for a Unix socket. */
  readonly peerAddress: string | undefined;
  /** The client's connection is encrypted. */
  readonly isSecure: boolean;
}

/** Is told what comes of a body after `BodySource.sendTo`. */
export interface BodySourceReader {
  onData(chunk: Buffer): void;
  /** The body is complete; its trailers can be read. */
  onEnd(): void;
}

/** The body of a request as it comes from the client. Nothing is read before `takeWhole` or `sendTo`. */
export interface BodySource {
  /** The length that the head announces; undefined for a body of unknown length. */
  readonly length: number | undefined;
  /** All of the body has arrived, none of it has been read, and no trailers can follow. */
  readonly isHere: boolean;
  /** The flow was stopped with `pause`. */
  readonly isPaused: boolean;
  /** Fields after the last byte; empty until the body has ended. */
  readonly trailers: Fields;
  /** The whole body at once, where `isHere`. Either this or `sendTo` is called, once. */
  takeWhole(): Buffer;
  /** Starts the flow. A client that waits for `100 Continue` gets it now. */
  sendTo(reader: BodySourceReader): void;
  pause(): void;
  resume(): void;
  /** The reader is told nothing more, and the rest of the body is dropped as it comes. */
  discard(): void;
}

/** Is told what happens to a stream on the client's side. */
export interface StreamHandler {
  /** The client takes bytes again after `write` returned false. */
  onDrain(): void;
  /** The body cannot be read on because it is malformed. Comes before any response. */
  onMalformed(why: string): void;
  /** The client has left. May come after the end of the stream, too, and means nothing then. */
  onClose(): void;
}

/**
 * One request and the way to respond to it. The order of calls is `listen`, any number of `sendInformational`, then either
 * `refuse`, `accept`, or `sendHead`, `write` and one of `end` and `abort`.
 */
export interface InboundStream extends RequestHead {
  /** Undefined for a request without a body. */
  readonly body: BodySource | undefined;
  /** The protocol that the client asks to upgrade to; undefined where there is none that can be passed on. */
  readonly upgrade: string | undefined;
  /** A 1xx response could be sent now: the client's protocol has them, and the client keeps up with reading. */
  readonly canSendInformational: boolean;
  /** The client's protocol has trailers. */
  readonly canSendTrailers: boolean;
  /** The client has left. */
  readonly isGone: boolean;
  /** Once only. */
  listen(handler: StreamHandler): void;
  /**
   * Only where `canSendInformational`.
   * @param statusText empty for the usual one.
   */
  sendInformational(status: number, statusText: string, fields: Fields): void;
  /**
   * Makes the head; it leaves with the first byte of the body, with `flushHead`, or with `end`.
   * @param statusText undefined for the usual one; a protocol without status texts ignores it.
   * @param fields belongs to the stream from now on: the stream adds those that concern the connection.
   * @param isLast the client must not send further requests over this connection.
   * @throws when the head cannot be written in this protocol; nothing has been sent then.
   */
  sendHead(status: number, statusText: string | undefined, fields: string[], isLast: boolean): void;
  /** Sends the head now although no byte of the body is here. */
  flushHead(): void;
  /**
   * @param release is called once the chunk has been sent.
   * @returns false when the client does not keep up; the handler's `onDrain` follows.
   */
  write(chunk: Buffer, release?: Release): boolean;
  /** The response is complete. @param last the last bytes of the body, or undefined. @param release as in `write`. */
  end(last?: Buffer, trailers?: Fields, release?: Release): void;
  /** Breaks off after the head, so that the client cannot take the part for the whole. */
  abort(): void;
  /** Responds with this status and nothing else, and closes. Does nothing when the client has left. */
  refuse(status: number): void;
  /** Responds with 101 and gives the connection away, with what the client has sent since. Only where `upgrade` is set. */
  accept(statusText: string, fields: Fields): Duplex;
}
