/** A request of HTTP/1 and the way to respond to it, over Node's pair of request and response. */
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../../core/clock.js';
import { fieldLines, fieldPairs, hasField, type Fields } from '../../http/fields.js';
import type { Release } from '../../core/reply.js';
import type { InboundStream, StreamHandler } from '../stream.js';
import { authorityOf } from '../target.js';
import { announcesBody, Http1Body } from './http1-body.js';
import { endWith, onSent } from './one-write.js';
import { LINGER_MS, respondBare } from './refusal.js';
import { resetConnection } from './reset.js';
import type { Upgrade } from './upgrade.js';

/** How long a broken response to a pipelined request waits, in ms: a reset would also discard what the client has yet to receive of the one before. */
const PIPELINED_RESET_MS = 250;

const EMPTY = Buffer.alloc(0);

export interface Http1StreamOptions {
  /** Where it is not the one that Node has parsed. */
  readonly method?: string | undefined;
  readonly upgrade?: Upgrade | undefined;
  /** Where the connection knows it already. */
  readonly peerAddress?: string | undefined;
  /** It came before the response to the one before it. */
  readonly isPipelined?: boolean;
  /** No connection is to be kept for further requests. */
  readonly isClosing?: () => boolean;
}

export class Http1Stream implements InboundStream {
  /** Kept, since Fastify rewrites the request's own. */
  readonly target: string;
  readonly method: string;
  readonly body: Http1Body | undefined;
  readonly peerAddress: string | undefined;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #clock: Clock;
  readonly #isClosing: () => boolean;
  readonly #upgrade: Upgrade | undefined;
  readonly #isPipelined: boolean;
  #handler: StreamHandler | undefined;
  #awaitsDrain = false;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    clock: Clock,
    {
      method = request.method!,
      upgrade,
      peerAddress = request.socket.remoteAddress,
      isPipelined = false,
      isClosing = () => false,
    }: Http1StreamOptions = {},
  ) {
    this.#request = request;
    this.#response = response;
    this.#clock = clock;
    this.#isClosing = isClosing;
    this.#upgrade = upgrade;
    this.#isPipelined = isPipelined;
    this.method = method;
    this.peerAddress = peerAddress;
    this.target = request.url!;
    this.body = announcesBody(request) ? new Http1Body(request, response) : undefined;
  }

  get protocolVersion(): string {
    return this.#request.httpVersion;
  }

  get fields(): Fields {
    return this.#request.rawHeaders;
  }

  get host(): string | undefined {
    // RFC 9112, section 3.2.2: the field next to an absolute form does not count.
    return authorityOf(this.target) ?? this.#request.headers.host;
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

  /** The parser cannot read the body on. @returns false where no exchange has begun that would tell of it. */
  reportMalformed(why: string): boolean {
    this.#handler?.onMalformed(why);
    return this.#handler !== undefined;
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
    } else if (this.#isKeptDespiteExpect) fields.push('Connection', 'keep-alive');
    // RFC 9110, section 7.8: what is said of upgrades holds for one connection.
    if (status === 426 && hasField(fields, 'upgrade')) {
      fields.push('Connection', response.shouldKeepAlive ? 'Upgrade' : 'Upgrade, close');
    }
    const text = statusText ?? STATUS_CODES[status] ?? '';
    // Node takes names and values as one flat list. Its types do not know this form.
    response.writeHead(status, text, fields as unknown as string[][] as never);
  }

  flushHead(): void {
    this.#response.write(EMPTY);
  }

  write(chunk: Buffer, release?: Release): boolean {
    const wantsMore = this.#response.write(chunk, onSent(release));
    if (!wantsMore && !this.#awaitsDrain) {
      this.#awaitsDrain = true;
      this.#response.once('drain', () => {
        this.#awaitsDrain = false;
        this.#handler?.onDrain();
      });
    }
    return wantsMore;
  }

  end(last?: Buffer, trailers?: Fields, release?: Release): void {
    const response = this.#response;
    if (trailers !== undefined && trailers.length > 0) response.addTrailers(fieldPairs(trailers));
    if (last === undefined) this.#clock.atTurnEnd(() => response.end());
    else endWith(response, last, this.#clock, release);
  }

  abort(): void {
    const { socket } = this.#response;
    if (socket === null) return void this.#response.once('socket', resetConnection);
    if (!this.#isPipelined) return resetConnection(socket);
    const timer = this.#clock.schedule(PIPELINED_RESET_MS, () => resetConnection(socket));
    socket.once('close', () => timer.cancel());
  }

  refuse(status: number): void {
    // Node writes nothing to a client that has left.
    respondBare(this.#response, status);
  }

  accept(statusText: string, fields: Fields): Socket {
    return this.#upgrade!.accept(statusText, fields);
  }

  /** Node closes a connection whose client was sent no 100 Continue, also where there is no content to wait for. */
  get #isKeptDespiteExpect(): boolean {
    if (this.body !== undefined || this.#request.headers.expect === undefined) return false;
    return this.#response.shouldKeepAlive;
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
