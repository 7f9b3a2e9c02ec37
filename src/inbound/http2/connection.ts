/** One HTTP/2 connection of a client: its streams, its end, and the guards against what a client should not do. */
import {
  constants,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../core/clock.js';
import type { Fields } from '../../http/fields.js';
import { destroyLater } from '../../lib/destroy-later.js';
import type { ListenerLimits } from '../listener.js';
import { Arrivals } from './arrivals.js';
import { readFields } from './fields.js';
import {
  Allowance,
  MAX_INVALID_FRAMES,
  MAX_STREAMS,
  PINGS,
  reasonOf,
  REFUSED_HEADS,
  RESETS,
  SETTINGS,
  type CloseReason,
} from './guard.js';
import { Http2Stream } from './http2-stream.js';
import { BYTES_PER_FIELD, findExcess, findFault } from './request-check.js';
import { Silence } from './silence.js';
import { UnseenHeads } from './unseen-heads.js';

/** How often a connection is looked at, in ms. */
const LOOK_MS = 1000;

/** Time that a client has to close its side, in ms. */
const LINGER_MS = 5000;

/** Memory that one connection may take, in MB: its streams with what waits in both directions. */
const MAX_MEMORY = 64;

/** Longest head of a response, in bytes, before HPACK. Node's own limit is less than upstreams may send. */
const MAX_RESPONSE_HEAD = 1024 * 1024;

/** Without an error, Node ends a connection with NO_ERROR. */
const excess = new Error('the client does more than its connection allows');

export interface ConnectionOptions {
  readonly clock: Clock;
  /** Changes with a reload. */
  readonly limits: () => ListenerLimits;
  readonly onRequest: (stream: Http2Stream) => void;
  readonly onRefused: (status: number, why: string) => void;
  readonly onClosed: (reason: CloseReason, why: string) => void;
  /** Nothing is left of it. */
  readonly onEnd: (connection: Connection) => void;
}

export class Connection {
  readonly #socket: Socket;
  readonly #session: ServerHttp2Session;
  readonly #options: ConnectionOptions;
  readonly #peerAddress: string | undefined;
  readonly #resets: Allowance;
  readonly #refusedHeads: Allowance;
  readonly #pings: Allowance;
  readonly #settings: Allowance;
  readonly #silence: Silence;
  #timer: Timer;
  readonly #arrivals: Arrivals;
  #openStreams = 0;
  #idleSinceMs: number;
  readonly #unseenHeads = new UnseenHeads();
  /** Streams that the library has handed over. */
  #taken = 0;
  #lastBytesRead = 0;
  #isClosed = false;

  constructor(socket: Socket, options: ConnectionOptions) {
    const { clock } = options;
    const nowMs = clock.now();
    this.#socket = socket;
    this.#options = options;
    this.#peerAddress = socket.remoteAddress;
    this.#resets = new Allowance(RESETS, nowMs);
    this.#refusedHeads = new Allowance(REFUSED_HEADS, nowMs);
    this.#pings = new Allowance(PINGS, nowMs);
    this.#settings = new Allowance(SETTINGS, nowMs);
    this.#idleSinceMs = nowMs;
    // A client that has ended its side has left.
    socket.allowHalfOpen = false;
    const { maxHeaderSize } = options.limits();
    this.#session = performServerHandshake(socket, {
      settings: { maxConcurrentStreams: MAX_STREAMS, maxHeaderListSize: maxHeaderSize },
      maxHeaderListPairs: Math.ceil(maxHeaderSize / BYTES_PER_FIELD),
      maxSendHeaderBlockLength: MAX_RESPONSE_HEAD,
      maxSessionMemory: MAX_MEMORY,
      maxSessionInvalidFrames: MAX_INVALID_FRAMES,
    });
    destroyLater(this.#session, setImmediate);
    this.#silence = new Silence(this.#session, nowMs);
    this.#arrivals = new Arrivals(options.onRequest);
    this.#listen();
    this.#timer = clock.schedule(this.#nextLookMs(), this.#onLook);
  }

  /** Tells the client to send further requests elsewhere; what runs is served, then the connection closes. */
  drain(): void {
    if (this.#session.destroyed || this.#session.closed) return;
    /*
     * One GOAWAY with the last stream that has come. The other one before it, which RFC 9113, section 6.8, advises, would
     * do harm: the library ignores each stream that comes after it, until the last GOAWAY.
     */
    this.#session.close();
  }

  closeIfIdle(): void {
    if (this.#openStreams === 0) this.drain();
  }

  destroy(): void {
    this.#session.destroy();
    this.#socket.destroy();
  }

  #listen(): void {
    const session = this.#session;
    const { clock } = this.#options;
    session.on(
      'stream',
      (stream: ServerHttp2Stream, _head: unknown, _flags: unknown, raw: Fields) => {
        this.#onStream(stream, raw);
      },
    );
    session.on('ping', () => {
      if (!this.#pings.take(1, clock.now())) {
        this.#close('too-many-pings', 'the client sends PING after PING');
      }
    });
    session.on('remoteSettings', () => {
      if (!this.#settings.take(1, clock.now())) {
        this.#close('too-many-settings', 'the client sends SETTINGS after SETTINGS');
      }
    });
    session.on('error', (error: NodeJS.ErrnoException) => {
      const reason = reasonOf(error, this.#openStreams);
      if (reason !== undefined) this.#report(reason, error.message);
    });
    this.#socket.once('end', () => this.#socket.destroy());
    this.#socket.once('close', () => {
      this.#timer.cancel();
      this.#options.onEnd(this);
    });
  }

  #onStream(stream: ServerHttp2Stream, raw: Fields): void {
    this.#taken += 1;
    this.#pings.refill();
    // Node tells of a stream a little later: its end may have come with it.
    if (stream.destroyed || stream.closed) {
      // What went wrong is known from elsewhere.
      stream.on('error', () => {});
      return this.#onHangUp();
    }
    this.#openStreams += 1;
    const request = readFields(raw);
    const inbound = new Http2Stream(stream, request, {
      clock: this.#options.clock,
      peerAddress: this.#peerAddress,
      onHangUp: this.#onHangUp,
      onClosed: this.#onStreamClosed,
    });
    const isUntold = this.#session.pendingSettingsAck;
    const maxBytes = isUntold ? this.#options.limits().maxHeaderSize : Infinity;
    const fault = findExcess(raw, maxBytes) ?? findFault(request.pseudo, request.fields);
    if (fault !== undefined) {
      this.#options.onRefused(fault.status, fault.why);
      return inbound.refuse(fault.status);
    }
    if (inbound.body === undefined) return this.#options.onRequest(inbound);
    // What came with the head is read first: a body that is here as a whole need not be streamed.
    this.#arrivals.add(inbound);
  }

  readonly #onStreamClosed = (): void => {
    // At an error, the number of streams says what it was.
    if (this.#session.destroyed) return;
    this.#openStreams -= 1;
    if (this.#openStreams === 0) this.#idleSinceMs = this.#options.clock.now();
  };

  readonly #onHangUp = (): void => {
    if (this.#session.destroyed || this.#resets.take(1, this.#options.clock.now())) return;
    if (this.#isClosed) return;
    this.#report('too-many-resets', 'the client resets stream after stream');
    // The library forgives a client whose deadlines are over: it goes on over another connection.
    this.drain();
  };

  readonly #onLook = (): void => {
    const { clock } = this.#options;
    const nowMs = clock.now();
    const { bytesRead } = this.#socket;
    if (bytesRead !== this.#lastBytesRead) {
      this.#silence.end(nowMs);
      this.#lastBytesRead = bytesRead;
      this.#countRefusedHeads(bytesRead);
    } else if (this.#openStreams > 0 && this.#silence.isTooLong(nowMs)) return this.destroy();
    const idleMs = nowMs - this.#idleSinceMs;
    if (this.#session.destroyed || (this.#session.closed && this.#openStreams === 0)) {
      if (idleMs >= LINGER_MS) return this.destroy();
    } else if (this.#openStreams === 0 && idleMs >= this.#options.limits().keepAlive) {
      this.#idleSinceMs = nowMs;
      this.drain();
    }
    if (!this.#socket.destroyed) this.#timer = clock.schedule(this.#nextLookMs(), this.#onLook);
  };

  #countRefusedHeads(bytes: number): void {
    const { lastProcStreamID: lastStreamId = 0 } = this.#session.state;
    const more = this.#unseenHeads.countNew({ lastStreamId, taken: this.#taken, bytes });
    if (more === 0) return;
    for (let i = 0; i < more; i++) {
      this.#options.onRefused(400, 'a head is malformed or larger than limits.maxHeaderSize');
    }
    if (!this.#refusedHeads.take(more, this.#options.clock.now())) {
      this.#close('too-many-refused-heads', 'the client sends head after head that is refused');
    }
  }

  #nextLookMs(): number {
    if (this.#openStreams > 0 || this.#session.closed) return LOOK_MS;
    const leftMs = this.#idleSinceMs + this.#options.limits().keepAlive - this.#options.clock.now();
    return Math.min(LOOK_MS, Math.max(1, leftMs));
  }

  #close(reason: CloseReason, why: string): void {
    if (this.#isClosed) return;
    this.#report(reason, why);
    this.#idleSinceMs = this.#options.clock.now();
    this.#session.destroy(excess, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  #report(reason: CloseReason, why: string): void {
    this.#isClosed = true;
    this.#options.onClosed(reason, why);
  }
}
