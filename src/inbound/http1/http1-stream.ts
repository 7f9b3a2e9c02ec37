/** A request of HTTP/1 and the way to respond to it, over Node's pair of request and response. */
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../../core/clock.js';
import { fieldLines, fieldPairs, hasField, type Fields } from '../../http/fields.js';
import type { InboundStream, StreamHandler } from '../stream.js';
import { announcesBody, Http1Body } from './http1-body.js';
import { endWith } from './one-write.js';
import type { UpgradeRequest } from './upgrade.js';

/** Time a client has to stop sending and read its response, in ms; nginx's lingering_timeout is as long. */
const LINGER_MS = 5000;

const EMPTY = Buffer.alloc(0);

export class Http1Stream implements InboundStream {
  /** Kept, since Fastify rewrites the request's own. */
  readonly target: string;
  readonly body: Http1Body | undefined;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #clock: Clock;
  readonly #isClosing: () => boolean;
  readonly #upgrade: UpgradeRequest | undefined;
  #handler: StreamHandler | undefined;
  /** Those of the head that was sent. */
  #sent: Fields = [];
  #awaitsDrain = false;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    clock: Clock,
    isClosing: () => boolean,
    upgrade?: UpgradeRequest,
  ) {
    this.#request = request;
    this.#response = response;
    this.#clock = clock;
    this.#isClosing = isClosing;
    this.#upgrade = upgrade;
    this.target = request.url!;
    this.body = announcesBody(request) ? new Http1Body(request, response) : undefined;
  }

  get method(): string {
    return this.#request.method!;
  }

  get protocolVersion(): string {
    return this.#request.httpVersion;
  }

  get fields(): Fields {
    return this.#request.rawHeaders;
  }

  get host(): string | undefined {
    return this.#request.headers.host;
  }

  get peerAddress(): string | undefined {
    return this.#request.socket.remoteAddress;
  }

  get isSecure(): boolean {
    return false;
  }

  get upgrade(): string | undefined {
    return this.#upgrade?.protocol;
  }

  get canSendInformational(): boolean {
    const { socket } = this.#response;
    // HTTP/1.0 has no 1xx.
    if (this.#request.httpVersionMinor === 0) return false;
    // Without a socket, the response to an earlier request on this connection is still under way.
    if (socket === null || this.#response.headersSent) return false;
    // A 1xx can be left out, and no signal would stop an upstream that goes on sending them.
    return !socket.writableNeedDrain;
  }

  /** HTTP/1.0 does not have the chunked coding. */
  get canSendTrailers(): boolean {
    return this.#request.httpVersionMinor > 0;
  }

  get isGone(): boolean {
    return this.#response.destroyed;
  }

  listen(handler: StreamHandler): void {
    this.#handler = handler;
    // Never taken off: that would cost more than the one call after the end.
    this.#response.on('close', () => handler.onClose());
  }

  sendInformational(status: number, statusText: string, fields: Fields): void {
    const statusLine = `HTTP/1.1 ${status} ${statusText || (STATUS_CODES[status] ?? '')}\r\n`;
    this.#response.socket!.write(`${statusLine}${fieldLines(fields)}\r\n`, 'latin1');
  }

  sendHead(
    status: number,
    statusText: string | undefined,
    fields: string[],
    isLast: boolean,
  ): void {
    const response = this.#response;
    const spoilsConnection = this.body?.spoilsConnection === true;
    if (spoilsConnection) this.#linger();
    if (spoilsConnection || isLast || this.#isClosing()) {
      response.shouldKeepAlive = false;
      fields.push('Connection', 'close');
    }
    this.#sent = fields;
    const text = statusText ?? STATUS_CODES[status] ?? '';
    response.writeHead(status, text, fields as unknown as string[][] as never);
  }

  flushHead(): void {
    this.#response.write(EMPTY);
  }

  write(chunk: Buffer): boolean {
    const wantsMore = this.#response.write(chunk);
    if (!wantsMore && !this.#awaitsDrain) {
      this.#awaitsDrain = true;
      this.#response.once('drain', () => {
        this.#awaitsDrain = false;
        this.#handler?.onDrain();
      });
    }
    return wantsMore;
  }

  end(last?: Buffer, trailers?: Fields): void {
    const response = this.#response;
    if (trailers !== undefined && trailers.length > 0) response.addTrailers(fieldPairs(trailers));
    if (last === undefined) response.end();
    else endWith(response, last);
  }

  abort(): void {
    const response = this.#response;
    // Only a reset tells a client that a body without length and chunks is not complete.
    const isCloseDelimited = !response.chunkedEncoding && !hasField(this.#sent, 'content-length');
    if (isCloseDelimited) response.socket?.resetAndDestroy();
    // Also cuts a connection that an earlier response still occupies, once that one is complete.
    else response.destroy();
  }

  refuse(status: number): void {
    // Node writes nothing to a client that has left.
    respondBare(this.#response, status);
  }

  accept(statusText: string, fields: Fields): Socket {
    return this.#upgrade!.accept(statusText, fields);
  }

  /**
   * Closes the connection after the response so that the client can read it: an upload that still comes in would turn a
   * plain close into a reset, and the response could be lost (RFC 9112, section 9.6).
   */
  #linger(): void {
    const { socket } = this.#request;
    const clock = this.#clock;
    socket.destroySoon = () => {
      socket.end();
      const timer = clock.schedule(LINGER_MS, () => socket.destroy());
      socket.once('close', () => timer.cancel());
    };
  }
}

/** A response below the level of policies and problem details, as Node gives to what it cannot parse. */
export function respondBare(response: ServerResponse, status: number): void {
  response.writeHead(status, { Connection: 'close', 'Content-Length': 0 });
  response.end();
}
