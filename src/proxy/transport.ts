/** One try of a call over undici: the innermost stage. Its answer is a Reply, not a stream. */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { errors, type Dispatcher } from 'undici';
import type { AttemptObserver, Call } from '../core/call.js';
import type { Clock } from '../core/clock.js';
import { formatDeadline } from '../core/deadline.js';
import type { CallFailure } from '../core/errors.js';
import type { Emit } from '../core/events.js';
import { attemptResult, classifyFailure, classifyStatus } from '../core/outcome.js';
import type { Stage } from '../core/pipeline.js';
import { isOpenEnded, type RawHeaders, type Reply, type ReplySink } from '../core/reply.js';
import type { Connection, ConnectionPool, ConnectionUser } from './connection-pool.js';
import { decodeHeaders, findHeader, forwardTrailers, type OutgoingHeaders } from './headers.js';
import type { ReplayableBody, UploadListener } from './replayable-body.js';
import { describeTransportError } from './transport-error.js';
import type { Scope } from './upstream.js';

/** A call as the exchange makes it: what only the transport needs comes on top. */
export interface ForwardedCall extends Call {
  /** The same request as a call of its own, with the headers that `scope` wants; it ends no later than this one. */
  forkFor(scope: Scope): ForwardedCall;
  readonly outgoing: OutgoingHeaders;
  readonly body: ReplayableBody | undefined;
  /** The protocol to upgrade to. */
  readonly upgrade: string | undefined;
  /** Passes a 1xx answer on, where the client's protocol has such a thing. */
  onInformational(status: number, statusText: string, headers: RawHeaders): void;
}

export interface ForwardedReply extends Reply {
  /** The upstream's side of an upgraded connection; only with status 101. */
  readonly tunnel?: Socket | undefined;
}

/** Bytes kept of an answer that nobody has asked for yet, and bytes read of one that nobody wants. */
const BUFFER_BYTES = 64 * 1024;

/** undici's handler and the pipeline's Reply in one object: an answer costs one allocation, not two. */
class Attempt
  implements Dispatcher.DispatchHandler, ConnectionUser, ForwardedReply, UploadListener
{
  connection: Connection | undefined;
  hasAnswerBegun = false;
  status = 0;
  statusText = '';
  headers: RawHeaders = [];
  tunnel: Socket | undefined;
  readonly #call: ForwardedCall;
  readonly #transport: TransportOptions;
  readonly #observer: AttemptObserver | undefined;
  readonly #resolve: (reply: Reply) => void;
  readonly #reject: (error: CallFailure) => void;
  #controller: Dispatcher.DispatchController | undefined;
  readonly #startedMs: number;
  #isReused = false;
  #hasHeaders = false;
  #isOver = false;
  #error: CallFailure | undefined;
  #trailers: RawHeaders = [];
  #chunks: Buffer[] = [];
  #chunkBytes = 0;
  #sink: ReplySink | undefined;
  #listeners: ((error: CallFailure | undefined) => void)[] = [];

  constructor(
    call: ForwardedCall,
    transport: TransportOptions,
    resolve: (reply: Reply) => void,
    reject: (error: CallFailure) => void,
  ) {
    this.#call = call;
    this.#transport = transport;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#observer = call.observer;
    this.#startedMs = transport.clock.now();
    call.observer = undefined;
  }

  start(pool: ConnectionPool): void {
    const call = this.#call;
    call.attempts += 1;
    call.outgoing.setAttempt(call.attempts);
    if (call.deadline !== undefined && this.#transport.propagatesDeadline) {
      call.outgoing.setDeadline(formatDeadline(call.deadline));
    }
    const end = (error: CallFailure): void => this.abort(error);
    call.waitWith(end);
    this.#observer?.onStart(end);
    const transport = this.#transport;
    const { upgrade } = call;
    pool.dispatch(
      {
        user: this,
        origin: transport.origin,
        path: transport.basePath + call.path,
        method: call.method as Dispatcher.HttpMethod,
        headers: call.outgoing.framing,
        body: call.body?.open(this) ?? null,
        upgrade: upgrade ?? null,
        // Keeps the connection after HEAD and after bodies of methods that rarely have one.
        reset: upgrade === undefined ? false : null,
        servername: transport.serverName,
      },
      this,
    );
  }

  // From the upload.

  onStall(isStalled: boolean): void {
    if (!this.#hasHeaders) this.#observer?.onStall(isStalled);
  }

  onSent(): void {
    if (!this.#hasHeaders && !this.#isOver) this.#observer?.onPhase('waiting');
  }

  // From the connection.

  fieldLines(): string {
    return this.#call.outgoing.lines();
  }

  trailers(): RawHeaders {
    return forwardTrailers(this.#call.body?.trailers ?? []);
  }

  // From undici.

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#isOver) {
      // It was ended while it waited for a connection, where undici cannot cancel.
      controller.abort(this.#error ?? new errors.RequestAbortedError());
      return;
    }
    this.#controller = controller;
    this.#isReused = this.connection?.isReused === true;
    this.connection?.expectHead(this);
    const { body } = this.#call;
    this.#observer?.onPhase(body === undefined || body.hasEnded ? 'waiting' : 'sending');
  }

  onResponseStarted(): void {
    this.hasAnswerBegun = true;
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    statusText = '',
  ): void {
    if (this.#isOver) return;
    const headers = decodeHeaders(rawFields(controller, 'rawHeaders'));
    const fault = findReplyFault(status, headers);
    if (fault !== undefined)
      return this.onResponseError(controller, new errors.HTTPParserError(fault));
    if (status < 200) {
      this.#call.onInformational(status, statusText, headers);
      return;
    }
    this.#hasHeaders = true;
    this.status = status;
    this.statusText = statusText;
    this.headers = headers;
    this.#observer?.onPhase(isOpenEnded(this) ? 'streaming-events' : 'streaming');
    // undici takes the Content-Length of a 304 for a body's; without a body the answer is complete here.
    if (status === 204 || status === 304 || this.#call.method === 'HEAD') this.#finish(undefined);
    this.#resolve(this);
  }

  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    socket: Duplex,
  ): void {
    if (this.#isOver) {
      socket.destroy();
      return;
    }
    this.#hasHeaders = true;
    this.status = status;
    this.headers = decodeHeaders(rawFields(controller, 'rawHeaders'));
    this.tunnel = socket as Socket;
    // The exchange ends here: what follows is the tunnel's.
    this.#finish(undefined);
    this.#resolve(this);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isOver) return;
    this.#observer?.onProgress();
    if (this.#sink !== undefined) {
      if (!this.#sink.onData(chunk)) this.#pause(controller);
      return;
    }
    this.#chunks.push(chunk);
    this.#chunkBytes += chunk.length;
    if (this.#chunkBytes >= BUFFER_BYTES) this.#pause(controller);
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    this.connection?.noteAnswer();
    if (this.connection?.hasFailed === true) {
      // A body that only the connection's end delimits; its reset is no end.
      return this.onResponseError(controller, new errors.SocketError('connection reset'));
    }
    this.#trailers = forwardTrailers(decodeHeaders(rawFields(controller, 'rawTrailers')));
    this.#finish(undefined);
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    if (this.#isOver) return;
    const isUnsent = this.#controller === undefined;
    this.#fail(
      describeTransportError(error, {
        upstream: this.#transport.upstream,
        target: this.#transport.target,
        isUnsent,
        isStale: !isUnsent && this.#isReused && !this.hasAnswerBegun,
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
    this.#call.waitWith((error) => this.abort(error));
    if (this.#call.cancelled !== undefined) return this.abort(this.#call.cancelled);
    if (wantsMore) this.resume();
    else this.#pause(this.#controller);
  }

  resume(): void {
    if (this.#controller?.paused !== true) return;
    this.#observer?.onPause(false);
    this.#controller.resume();
  }

  discard(): void {
    if (this.#isOver) return;
    const length = findHeader(this.headers, 'content-length');
    if (length === undefined || Number(length) > BUFFER_BYTES) return this.#close(undefined);
    // Not `attach`: the call belongs to the next try by now.
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

  #pause(controller: Dispatcher.DispatchController | undefined): void {
    if (controller === undefined || controller.paused) return;
    controller.pause();
    this.#observer?.onPause(true);
  }

  #fail(error: CallFailure): void {
    this.#close(error);
    if (!this.#hasHeaders) this.#reject(error);
  }

  /** Ends the try before its natural end; the connection cannot be used again. */
  #close(error: CallFailure | undefined): void {
    this.#finish(error);
    this.#controller?.abort(error ?? new errors.RequestAbortedError());
  }

  #finish(error: CallFailure | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#error = error;
    this.#observer?.onPhase('ended');
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
    if (this.#sink !== drain) this.#call.waitWith(undefined);
    if (this.#error === undefined) this.#sink?.onEnd(this.#trailers);
    else this.#sink?.onError(this.#error);
  }
}

/** What undici lets through although the next hop could not be told what it means; undefined for a sound head. */
function findReplyFault(status: number, headers: RawHeaders): string | undefined {
  if (status < 100) return `bad response: status ${status}`;
  if (status === 101) return 'bad upgrade: 101 without an agreed protocol';
  const coding = findHeader(headers, 'transfer-encoding');
  // A coding that is not undone here would be lost on the way.
  return coding === undefined || coding.trim().toLowerCase() === 'chunked'
    ? undefined
    : `bad response: Transfer-Encoding ${coding}`;
}

/** Takes everything and keeps nothing. */
const drain: ReplySink = { onData: () => true, onEnd: () => {}, onError: () => {} };

/** undici keeps the fields as they were on the wire beside the parsed ones, but does not declare them. */
function rawFields(
  controller: Dispatcher.DispatchController,
  which: 'rawHeaders' | 'rawTrailers',
): readonly (Buffer | string)[] {
  return (controller as unknown as Record<typeof which, (Buffer | string)[] | null>)[which] ?? [];
}

export interface TransportOptions {
  readonly upstream: string;
  readonly origin: string;
  /** For messages. */
  readonly target: string;
  /** Put in front of the call's path; empty or without a slash at its end. */
  readonly basePath: string;
  /** The name that TLS asks for and verifies, constant per upstream whatever Host says. */
  readonly serverName: string;
  readonly propagatesDeadline: boolean;
  readonly clock: Clock;
  readonly emit: Emit;
}

export function createTransport(pool: ConnectionPool, options: TransportOptions): Stage {
  return {
    run(call) {
      if (call.cancelled !== undefined) return Promise.reject(call.cancelled);
      return new Promise((resolve, reject) => {
        new Attempt(call as ForwardedCall, options, resolve, reject).start(pool);
      });
    },
    refusal: () => undefined,
  };
}
