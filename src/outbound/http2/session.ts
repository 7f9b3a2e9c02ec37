/** One HTTP/2 connection to an upstream (RFC 9113): it carries as many requests at a time as the upstream allows. */
import { constants, type ClientHttp2Session, type Settings } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Timer } from '../../core/clock.js';
import type { OutboundRequest, ResponseHandler } from '../client.js';
import type { Dial } from '../connect/dial.js';
import { ControlGuard } from './control-guard.js';
import { Exchange, type ExchangeOwner, type Loss } from './exchange.js';
import { HeldHeads } from './held-heads.js';
import { explainEnd, explainNoStart, NotHttp2, SessionLost } from './loss.js';
import { createSession, openStream } from './node-session.js';
import { PING_TIMEOUT_MS, PingCheck } from './ping-check.js';
import type { SessionOptions } from './session-options.js';
import { explainSessionError } from './stream-end.js';

/** What keeps sessions. */
export interface SessionKeeper {
  /** It takes no streams any more, and has not taken this request. */
  onUnsent(request: OutboundRequest, handler: ResponseHandler): void;
  /** There is room for further streams. */
  onRoom(session: Session): void;
  /** It is closing or closed: no streams will follow. Called once or more. */
  onGone(session: Session): void;
}

/** How long a connection may take to close, in ms, after its last stream. */
const LINGER_MS = 1000;

export class Session implements ExchangeOwner {
  readonly address: string;
  readonly openedAtMs: number;
  /** Since when it has no requests, in monotonic ms. */
  idleSinceMs: number;
  /** How many streams the other side allows at a time; 0 until it has said so. */
  limit = 0;
  readonly #options: SessionOptions;
  readonly #keeper: SessionKeeper;
  readonly #scheme: string;
  readonly #guard = new ControlGuard();
  #socket: Socket | undefined;
  #session: ClientHttp2Session | undefined;
  #check: PingCheck | undefined;
  /** Streams that are open, and requests that are not over. */
  #active = 0;
  #running = 0;
  #hasCarried = false;
  /** It was idle when its present requests began, and the other side has sent nothing for them. */
  #isQuiet = false;
  #isRetired = false;
  #error: Error | undefined;
  #goaway: { readonly code: number; readonly lastId: number } | undefined;
  readonly #heads = new HeldHeads();
  #linger: Timer | undefined;

  constructor(options: SessionOptions, keeper: SessionKeeper) {
    this.#options = options;
    this.#keeper = keeper;
    this.#scheme = options.target.protocol.slice(0, -1);
    this.address = options.address;
    this.openedAtMs = options.clock.now();
    this.idleSinceMs = this.openedAtMs;
  }

  get maxHeaderBytes(): number {
    return this.#options.maxHeaderBytes;
  }

  /** It has no requests. */
  get isIdle(): boolean {
    return this.#running === 0;
  }

  get isLost(): boolean {
    return this.#session?.destroyed === true || this.#socket?.destroyed === true;
  }

  get isGoingAway(): boolean {
    const session = this.#session;
    return this.#isRetired || session === undefined || session.closed || session.destroyed;
  }

  hasRoomAt(nowMs: number): boolean {
    return this.#active < this.limit && !this.isGoingAway && this.#check?.isSuspect(nowMs) !== true;
  }

  /**
   * @param onReady is called once, later: when the other side has said how many streams it allows, or with the error that
   *   it could not be opened for.
   */
  open(dial: Dial, onReady: (error?: Error) => void): void {
    const socket = dial(this.address, undefined, (error) => {
      if (error === undefined) this.begin(socket, onReady);
      else onReady(error);
    });
    this.#socket = socket;
    socket.once('close', () => this.#keeper.onGone(this));
  }

  /** As `open`, over a socket that is open. */
  begin(socket: Socket, onReady: (error?: Error) => void): void {
    this.#socket = socket;
    const { target, maxHeaderBytes, clock } = this.#options;
    if (target.protocol === 'https:' && (socket as TLSSocket).alpnProtocol !== 'h2') {
      socket.destroy();
      return onReady(new NotHttp2('it does not offer HTTP/2 (ALPN h2)'));
    }
    socket.on('error', (error) => (this.#error ??= error));
    // It closes a little later.
    socket.once('end', () => this.retire());
    const session = createSession(socket, target, maxHeaderBytes);
    this.#session = session;
    this.#check = new PingCheck(session, clock, () =>
      this.#lose(new SessionLost(`it did not respond to a PING within ${PING_TIMEOUT_MS} ms`)),
    );
    session.on('error', (error) => (this.#error ??= explainSessionError(error)));
    session.on('goaway', (code: number, lastId: number) => this.#onGoaway(code, lastId));
    session.on('ping', () => this.#onControlFrame());
    let onFirst: typeof onReady | undefined = onReady;
    session.on('remoteSettings', ({ maxConcurrentStreams }: Settings) => {
      this.limit = maxConcurrentStreams ?? Infinity;
      this.#onControlFrame();
      // Before that it could carry nothing.
      if (this.limit === 0) return;
      if (onFirst === undefined) return this.#keeper.onRoom(this);
      onFirst();
      onFirst = undefined;
    });
    session.on('close', () => {
      this.#check?.stop();
      this.#linger?.cancel();
      this.#keeper.onGone(this);
      onFirst?.(explainNoStart(this.#error));
      onFirst = undefined;
    });
  }

  /** Only where it has room. */
  send(request: OutboundRequest, handler: ResponseHandler): void {
    if (this.isGoingAway) return this.#keeper.onUnsent(request, handler);
    const { body } = request;
    const whole = body?.takeWhole();
    const isStreamed = body !== undefined && whole === undefined;
    const isBodiless = !isStreamed && (whole === undefined || whole.length === 0);
    const options = { endStream: isBodiless, waitForTrailers: isStreamed };
    let stream;
    try {
      stream = openStream(this.#session!, request, this.#scheme, options);
    } catch (error) {
      const progress = { isConnected: true, sent: 'none', isReused: false } as const;
      return handler.onFailure(error as Error, { ...progress, hasResponseBegun: false });
    }
    if (this.#running === 0) this.#isQuiet = this.#hasCarried;
    this.#running += 1;
    this.#active += 1;
    this.#hasCarried = true;
    this.#guard.onTraffic();
    const exchange = new Exchange(stream, this, handler);
    handler.onStart(exchange);
    if (isStreamed) exchange.upload(body);
    else if (!isBodiless) stream.end(whole);
  }

  /** No new streams; it closes when those that it has are done. */
  retire(): void {
    if (this.#isRetired) return;
    this.#isRetired = true;
    this.#keeper.onGone(this);
    if (this.#session === undefined) this.#socket?.destroy();
    else this.#session.close();
    this.#endSoon();
  }

  /** Ends it at once; its exchanges fail. */
  destroy(error?: Error): void {
    this.#lose(error);
  }

  // From its exchanges.

  onResponse(): void {
    this.#isQuiet = false;
    this.#guard.onTraffic();
    this.#check!.onResponse();
  }

  hold(exchange: Exchange): void {
    this.#heads.add(exchange);
  }

  onOver(): void {
    this.#running -= 1;
    if (this.#running === 0) this.idleSinceMs = this.#options.clock.now();
  }

  onClosed(isReset: boolean): void {
    this.#active -= 1;
    if (this.#guard.onStreamEnd(isReset)) this.retire();
    if (this.isGoingAway) this.#endSoon();
    else this.#keeper.onRoom(this);
  }

  onGivenUp(): void {
    this.#check!.start();
  }

  explainLoss(streamId: number | undefined, streamError: Error | undefined): Loss {
    const { code = 0, lastId = Infinity } = this.#goaway ?? {};
    return {
      error: explainEnd(code, this.#error, streamError),
      isUnsent: streamId !== undefined && streamId > lastId,
      isStale: this.#isQuiet && code === 0,
    };
  }

  #onGoaway(code: number, lastId: number): void {
    this.#goaway = { code, lastId };
    this.retire();
  }

  /** Node waits for the other side to close, too, which it need not do. */
  #endSoon(): void {
    const socket = this.#socket;
    if (this.#active > 0 || socket === undefined || socket.destroyed) return;
    this.#linger ??= this.#options.clock.schedule(LINGER_MS, () => socket.destroy());
  }

  #onControlFrame(): void {
    if (!this.#guard.onControlFrame()) return;
    this.#lose(
      new SessionLost('it sent too many PING or SETTINGS frames'),
      constants.NGHTTP2_ENHANCE_YOUR_CALM,
    );
  }

  #lose(error: Error | undefined, code: number = constants.NGHTTP2_NO_ERROR): void {
    this.#isRetired = true;
    if (error !== undefined) this.#error ??= error;
    this.#check?.stop();
    if (this.#session === undefined) this.#socket?.destroy();
    else if (!this.#session.destroyed) this.#session.destroy(error, code);
    this.#keeper.onGone(this);
  }
}
