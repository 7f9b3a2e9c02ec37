/** One try of a call over a connection: the innermost stage. Its answer is a Reply, not a stream. */
import type { Socket } from 'node:net';
import type { Attempt } from '../core/attempt.js';
import type { Call } from '../core/call.js';
import type { Clock } from '../core/clock.js';
import { upstreamWallMs } from '../core/deadline.js';
import { formatDeadline } from '../http/deadline.js';
import type { CallFailure } from '../core/errors.js';
import type { Emit } from '../core/events.js';
import { attemptResult, classifyFailure, classifyStatus } from '../core/outcome.js';
import type { AttemptStage } from '../core/pipeline.js';
import { firstValue, type Fields } from '../http/fields.js';
import { isOpenEnded, type Reply, type ReplySink } from '../core/reply.js';
import type { Connection, ConnectionUser } from './http1/connection.js';
import type { ConnectionPool, ConnectionSeeker } from './http1/connection-pool.js';
import { forwardTrailers } from '../http/trailers.js';
import type { OutgoingHeaders } from '../inbound/forward-headers.js';
import type { ReplayableBody } from '../inbound/request-body.js';
import type { ReplyHead } from './http1/reply-parser.js';
import { describeTransportError } from './failure.js';
import type { UploadListener } from './http1/request-writer.js';
import type { Scope } from '../upstream/upstream.js';

/** A call as the exchange makes it: what only the transport needs comes on top. */
export interface ForwardedCall extends Call {
  /** The same request as a call of its own, with the headers that `scope` wants; it ends no later than this one. */
  forkFor(scope: Scope): ForwardedCall;
  readonly outgoing: OutgoingHeaders;
  readonly body: ReplayableBody | undefined;
  /** The protocol to upgrade to. */
  readonly upgrade: string | undefined;
  /** Passes a 1xx answer on, where the client's protocol has such a thing. */
  onInformational(status: number, statusText: string, headers: Fields): void;
}

export interface ForwardedReply extends Reply {
  /** The upstream's side of an upgraded connection; only with status 101. */
  readonly tunnel?: Socket | undefined;
}

/** Bytes kept of an answer that nobody has asked for yet, and bytes read of one that nobody wants. */
const BUFFER_BYTES = 64 * 1024;

/** What connections talk to and the pipeline's Reply in one object: an answer costs one allocation, not two. */
class Dispatch implements ConnectionSeeker, ConnectionUser, ForwardedReply, UploadListener {
  status = 0;
  statusText = '';
  headers: Fields = [];
  tunnel: Socket | undefined;
  readonly #attempt: Attempt;
  readonly #call: ForwardedCall;
  readonly #pool: ConnectionPool;
  readonly #transport: TransportOptions;
  readonly #resolve: (reply: Reply) => void;
  readonly #reject: (error: CallFailure) => void;
  readonly #startedMs: number;
  #connection: Connection | undefined;
  #isOver = false;
  #hasHeaders = false;
  #isPaused = false;
  #error: CallFailure | undefined;
  #trailers: Fields = [];
  #chunks: Buffer[] = [];
  #chunkBytes = 0;
  #sink: ReplySink | undefined;
  #listeners: ((error: CallFailure | undefined) => void)[] = [];

  constructor(
    attempt: Attempt,
    pool: ConnectionPool,
    transport: TransportOptions,
    resolve: (reply: Reply) => void,
    reject: (error: CallFailure) => void,
  ) {
    this.#attempt = attempt;
    this.#call = attempt.call as ForwardedCall;
    this.#pool = pool;
    this.#transport = transport;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#startedMs = transport.clock.now();
  }

  start(): void {
    const call = this.#call;
    call.body?.rewind();
    call.outgoing.setAttempt(this.#attempt.number);
    if (call.deadline !== undefined && this.#transport.propagatesDeadline) {
      call.outgoing.setDeadline(formatDeadline(upstreamWallMs(call.deadline)));
    }
    this.#attempt.onCancel((error) => this.abort(error));
    this.#attempt.enter('connecting');
    this.#pool.acquire(this);
  }

  // From the pool.

  get isOver(): boolean {
    return this.#isOver;
  }

  onConnection(connection: Connection): void {
    const { method, upgrade, body, outgoing } = this.#call;
    this.#connection = connection;
    this.#attempt.enter(body === undefined || body.hasEnded ? 'waiting' : 'sending');
    const { hasLength } = outgoing;
    const head = this.#renderHead();
    connection.send({ method, upgrade, head, hasLength, body, listener: this }, this);
  }

  onConnectError(error: Error): void {
    this.#failWith(error);
  }

  #renderHead(): string {
    const { method, path, outgoing, upgrade } = this.#call;
    const { basePath, host } = this.#transport;
    const connection = upgrade === undefined ? 'keep-alive' : `Upgrade\r\nUpgrade: ${upgrade}`;
    return `${method} ${basePath}${path} HTTP/1.1\r\nHost: ${outgoing.host ?? host}\r\nConnection: ${connection}\r\n${outgoing.lines()}`;
  }

  // From the upload.

  onStall(isStalled: boolean): void {
    if (!this.#hasHeaders) this.#attempt.stall(isStalled);
  }

  onSent(): void {
    if (!this.#hasHeaders && !this.#isOver) this.#attempt.enter('waiting');
  }

  // From the connection.

  onInformational({ status, statusText, headers }: ReplyHead): void {
    this.#call.onInformational(status, statusText, headers);
  }

  onHead(head: ReplyHead): void {
    this.#take(head);
    this.#attempt.enter(isOpenEnded(this) ? 'streaming-events' : 'streaming');
    this.#resolve(this);
  }

  onUpgrade(head: ReplyHead, socket: Socket): void {
    this.#take(head);
    this.tunnel = socket;
    // The exchange ends here: what follows is the tunnel's.
    this.#finish(undefined);
    this.#resolve(this);
  }

  onData(chunk: Buffer): void {
    this.#attempt.progress();
    if (this.#sink !== undefined) {
      if (!this.#sink.onData(chunk)) this.#pause();
      return;
    }
    this.#chunks.push(chunk);
    this.#chunkBytes += chunk.length;
    if (this.#chunkBytes >= BUFFER_BYTES) this.#pause();
  }

  onEnd(trailers: Fields): void {
    this.#trailers = forwardTrailers(trailers);
    this.#finish(undefined);
  }

  onError(error: Error): void {
    const { isReused, isUntouched } = this.#connection!;
    if (!isReused || !isUntouched) return this.#failWith(error);
    // Closed for its age while the body had yet to begin: as good as never lent.
    this.#connection = undefined;
    this.#pool.acquire(this);
  }

  #take({ status, statusText, headers }: ReplyHead): void {
    this.#hasHeaders = true;
    this.status = status;
    this.statusText = statusText;
    this.headers = headers;
  }

  #failWith(error: Error): void {
    if (this.#isOver) return;
    const connection = this.#connection;
    this.#fail(
      describeTransportError(error, {
        upstream: this.#transport.upstream,
        target: this.#transport.target,
        isConnected: connection !== undefined,
        isUnsent: connection === undefined || connection.isUntouched,
        isStale: connection?.isReused === true && !connection.hasAnswerBegun,
        hasHeaders: this.#hasHeaders,
      }),
    );
  }

  // Reply.

  get isComplete(): boolean {
    return this.#isOver && this.#error === undefined;
  }

  attach(sink: ReplySink): void {
    this.#sink = sink;
    const chunks = this.#chunks;
    this.#chunks = [];
    let wantsMore = true;
    for (const chunk of chunks) wantsMore = sink.onData(chunk);
    if (this.#isOver) return this.#endSink();
    if (this.#call.cancelled !== undefined) return this.abort(this.#call.cancelled);
    if (wantsMore) this.resume();
    else this.#pause();
  }

  resume(): void {
    // Once this is over, the connection may be another's, who has paused it.
    if (!this.#isPaused || this.#isOver) return;
    this.#isPaused = false;
    this.#attempt.pause(false);
    this.#connection?.resume();
  }

  discard(): void {
    if (this.#isOver) return;
    const length = firstValue(this.headers, 'content-length');
    if (
      length === undefined ||
      Number(length) > BUFFER_BYTES ||
      this.#connection?.hasSentAll !== true
    ) {
      return this.#close(undefined);
    }
    // Not `attach`: what comes is for no client.
    this.#chunks = [];
    this.#sink = drain;
    this.resume();
  }

  abort(error: CallFailure): void {
    if (!this.#isOver) this.#fail(error);
  }

  onFinished(listener: (error: CallFailure | undefined) => void): void {
    if (this.#isOver) listener(this.#error);
    else this.#listeners.push(listener);
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#connection?.pause();
    this.#attempt.pause(true);
  }

  #fail(error: CallFailure): void {
    // How an answer breaks off that nobody wants any more says nothing of the try.
    this.#close(this.#sink === drain ? undefined : error);
    if (!this.#hasHeaders) this.#reject(error);
  }

  /** Ends the try before its natural end; the connection cannot be used again. */
  #close(error: CallFailure | undefined): void {
    this.#finish(error);
    this.#connection?.destroy();
  }

  #finish(error: CallFailure | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#error = error;
    this.#attempt.enter('ended');
    const outcome = error === undefined ? classifyStatus(this.status) : classifyFailure(error);
    const result = attemptResult(outcome);
    this.#call.results.push(result);
    this.#call.upstreamMs += this.#transport.clock.now() - this.#startedMs;
    this.#transport.emit({ type: 'attempt-finished', result, error });
    for (const listener of this.#listeners) listener(error);
    this.#listeners = [];
    if (this.#sink !== undefined) this.#endSink();
  }

  #endSink(): void {
    if (this.#error === undefined) this.#sink?.onEnd(this.#trailers);
    else this.#sink?.onError(this.#error);
  }
}

/** Takes everything and keeps nothing. */
const drain: ReplySink = { onData: () => true, onEnd: () => {}, onError: () => {} };

export interface TransportOptions {
  readonly upstream: string;
  /** For messages. */
  readonly target: string;
  /** Put in front of the call's path; empty or without a slash at its end. */
  readonly basePath: string;
  /** The Host of calls that keep no other. */
  readonly host: string;
  readonly propagatesDeadline: boolean;
  readonly clock: Clock;
  readonly emit: Emit;
}

export function createTransport(pool: ConnectionPool, options: TransportOptions): AttemptStage {
  return {
    run: (attempt) =>
      new Promise((resolve, reject) => {
        new Dispatch(attempt, pool, options, resolve, reject).start();
      }),
    refusal: () => undefined,
  };
}
