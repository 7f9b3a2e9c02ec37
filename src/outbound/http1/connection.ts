/** One connection to an upstream (HTTP/1.1, RFC 9112): it carries one request at a time, and hands the response to its handler. */
import type { Socket } from 'node:net';
import type { Clock } from '../../core/clock.js';
import type { Release } from '../../core/reply.js';
import type { Fields } from '../../http/fields.js';
import {
  ClientClosed,
  ConnectionLost,
  type Dispatched,
  type OutboundRequest,
  type ResponseHandler,
  type ResponseHead,
} from '../client.js';
import type { OnRead } from '../connect/dial.js';
import { keepAliveOf } from '../connect/keep-alive.js';
import { ReadPause } from './read-pause.js';
import { ReplyParser, type ReplyListener } from './reply-parser.js';
import { writeRequest, type BodyWriter } from './request-writer.js';
import { outliveFailedWrites } from './surviving-writes.js';

/** What keeps connections between exchanges. */
export interface ConnectionKeeper {
  /** An idle connection was closed before anything of the request was carried out: the request needs another one. */
  onUnsent(request: OutboundRequest, handler: ResponseHandler): void;
  /** Another exchange may follow. */
  onIdle(connection: Connection): void;
  /** No exchange will follow: it has closed, or it speaks another protocol now. Called once or twice. */
  onGone(connection: Connection): void;
}

export interface ConnectionOptions {
  /** Of the other side, as the target's addresses are called. */
  readonly address: string;
  /** In monotonic ms. */
  readonly openedAtMs: number;
  readonly clock: Clock;
}

export class Connection implements ReplyListener, Dispatched {
  readonly protocolVersion = '1.1';
  readonly address: string;
  readonly openedAtMs: number;
  /** Since when it is idle, and until when it can be used, in monotonic ms. */
  idleSinceMs = 0;
  expiresAtMs = Infinity;
  /** What the upstream says it keeps the connection for between exchanges, in ms. */
  keepAliveMs: number | undefined;
  /** It was idle before this exchange: its upstream may have closed it meanwhile. */
  isReused = false;
  /** Its request waits for the end of this turn: nothing of it has been written. */
  #isHeld = false;
  #hasResponseBegun = false;
  readonly #keeper: ConnectionKeeper;
  readonly #parser: ReplyParser;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #readPause: ReadPause;
  /** Of the exchange that it carries. */
  #request: OutboundRequest | undefined;
  #handler: ResponseHandler | undefined;
  #upload: BodyWriter | undefined;
  /** The status of the response that has begun; 0 before. */
  #status = 0;
  #outlivesFailedWrites = false;
  #isUpgrading = false;
  #isTunnel = false;
  #error: Error | undefined;

  /**
   * @param socket hands what it reads to `onRead`.
   * @param maxHeaderBytes of a response.
   */
  constructor(
    socket: Socket,
    keeper: ConnectionKeeper,
    maxHeaderBytes: number,
    { address, openedAtMs, clock }: ConnectionOptions,
  ) {
    this.address = address;
    this.openedAtMs = openedAtMs;
    this.#socket = socket;
    this.#clock = clock;
    this.#readPause = new ReadPause(socket);
    this.#keeper = keeper;
    this.#parser = new ReplyParser(this, maxHeaderBytes);
    socket.on('error', (error) => {
      this.#error = error;
    });
    socket.on('end', () => this.#onEnd());
    socket.on('close', () => this.#onClose());
  }

  get isDestroyed(): boolean {
    return this.#socket.destroyed;
  }

  /** Of the exchange that it carries, no byte of the body has been sent, and none of the response has arrived. */
  get #awaitsBody(): boolean {
    return !this.#hasResponseBegun && this.#upload?.hasBegun === false;
  }

  /** The whole request has been sent. */
  get hasSentAll(): boolean {
    if (this.#isHeld || this.#upload?.isDone === false) return false;
    return this.#socket.writableLength === 0;
  }

  /** Only while it is idle. */
  send(request: OutboundRequest, handler: ResponseHandler): void {
    this.#request = request;
    this.#handler = handler;
    this.#isUpgrading = request.upgrade !== undefined;
    this.#hasResponseBegun = false;
    this.#status = 0;
    if (request.body !== undefined && !this.#outlivesFailedWrites) {
      this.#outlivesFailedWrites = true;
      outliveFailedWrites(this.#socket, (error) => {
        this.#error = error;
      });
    }
    this.#isHeld = true;
    handler.onStart(this);
    this.#clock.atTurnEnd(this.#write);
  }

  /** What came until now, if only the end of the connection, was no response to this request. */
  readonly #write = (): void => {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    const request = this.#request!;
    this.#parser.expect(request);
    this.#upload = writeRequest(this.#socket, request, this.#handler!);
  };

  /** No more is read until `resume`, but for what the socket has at hand. */
  readonly pause = (): void => this.#readPause.on();

  readonly resume = (): void => this.#readPause.off();

  /** Ends it at once; its handler is not called any more. */
  destroy(error?: Error): void {
    this.#handler = undefined;
    this.#request = undefined;
    this.#isHeld = false;
    this.#upload?.stop();
    this.#socket.destroy(error);
  }

  /** Ends it at once; its handler, if there is one, gets the error. */
  fail(error: Error): void {
    const handler = this.#handler;
    const request = this.#request;
    const isHeld = this.#isHeld;
    const isUnread = isHeld || this.#awaitsBody;
    this.destroy(error);
    if (handler === undefined) return;
    // An idle connection was closed before the request or its body began: use another one; this is not a retry.
    if (isUnread && this.isReused && !(error instanceof ClientClosed)) {
      this.#keeper.onUnsent(request!, handler);
      return;
    }
    handler.onFailure(error, {
      isConnected: true,
      sent: isHeld ? 'none' : 'some',
      isReused: this.isReused,
      hasResponseBegun: this.#hasResponseBegun,
    });
  }

  readonly onRead: OnRead = (bytes) => {
    if (this.#isTunnel) return this.#socket.push(Buffer.from(bytes));
    this.#hasResponseBegun = true;
    this.#parser.read(bytes);
    return true;
  };

  // From the parser.

  onInformational(head: ResponseHead): void {
    // Some upstreams send `100 Continue` unasked (RFC 9110, section 15.2.1); the body is on its way anyway.
    if (head.status !== 100) this.#handler?.onInformational(head);
  }

  onHead(head: ResponseHead): void {
    this.keepAliveMs = keepAliveOf(head.headers);
    this.#status = head.status;
    this.#handler?.onHead(head);
  }

  onBody(chunk: Buffer, release?: Release): void {
    this.#handler?.onData(chunk, release);
  }

  onComplete(trailers: Fields, keepsAlive: boolean): void {
    const handler = this.#handler;
    if (handler === undefined) return;
    this.#handler = undefined;
    this.#request = undefined;
    // After a response that came before the end of its request, the rest of the request would still be on its way.
    if (keepsAlive && this.hasSentAll && !this.#isUpgrading) {
      this.#upload = undefined;
      this.resume();
      this.#keeper.onIdle(this);
    } else {
      this.destroy();
    }
    handler.onEnd(trailers);
  }

  onUpgrade(head: ResponseHead, rest: Buffer): void {
    const handler = this.#handler;
    if (handler === undefined) return;
    this.#handler = undefined;
    this.#request = undefined;
    this.#isTunnel = true;
    // It may outlive the pool, which a reload closes.
    this.#keeper.onGone(this);
    // There is no reader yet: what comes is kept.
    this.#socket.pause();
    if (rest.length > 0) this.#socket.push(rest);
    handler.onUpgrade(head, this.#socket);
  }

  onFault(error: Error): void {
    this.fail(error);
  }

  #onEnd(): void {
    // One side of a tunnel may end while the other still sends.
    if (this.#isTunnel) return;
    if ((this.#error === undefined || this.#isRefusal) && this.#parser.end()) return;
    this.fail(this.#error ?? new ConnectionLost('other side closed'));
  }

  #onClose(): void {
    const hasEnded = this.#isRefusal && this.#parser.end();
    this.#parser.close();
    this.#keeper.onGone(this);
    if (!hasEnded) this.fail(this.#error ?? new ConnectionLost('other side closed'));
  }

  /**
   * An upstream that refuses an upload and closes without reading the rest causes a reset, which says nothing about the
   * response: where only the end of the connection ends it, that is its end.
   */
  get #isRefusal(): boolean {
    return this.#status >= 400 && this.#request?.body !== undefined;
  }
}
