/** One try of a call over a connection: the innermost stage. Its answer is a Reply, not a stream. */
import type { Duplex } from 'node:stream';
import type { Attempt } from '../core/attempt.js';
import type { Clock } from '../core/clock.js';
import type { CallFailure } from '../core/errors.js';
import type { Emit } from '../core/events.js';
import { attemptResult, classifyFailure, classifyStatus } from '../core/outcome.js';
import type { AttemptStage, EditRequest } from '../core/pipeline.js';
import { isOpenEnded, type Reply, type ReplySink } from '../core/reply.js';
import type { BodyCursor } from '../core/request-body.js';
import { FieldEdits } from '../http/field-edits.js';
import { firstValue, type Fields } from '../http/fields.js';
import { forwardTrailers } from '../http/trailers.js';
import type { Dispatched, HttpClient, Progress, ResponseHandler, ResponseHead } from './client.js';
import { describeFailure } from './failure.js';

/** Where one attempt goes. */
export interface Destination {
  readonly client: HttpClient;
  /** The Host of calls that keep no other (RFC 9110, section 7.2). */
  readonly authority: string;
}

/** The upstream's side of an upgraded connection. */
export interface UpgradedConnection {
  /** Joins the client's side to it. */
  join(client: Duplex): void;
  /** Ends it instead. */
  destroy(): void;
}

export interface ForwardedReply extends Reply {
  /** Only with status 101. */
  readonly upgraded?: UpgradedConnection | undefined;
}

/** Bytes kept of an answer that nobody has asked for yet, and bytes read of one that nobody wants. */
const BUFFER_BYTES = 64 * 1024;

/** What a connection talks to and the pipeline's Reply in one object: a response costs one allocation, not two. */
class Dispatch implements ResponseHandler, ForwardedReply {
  status = 0;
  statusText = '';
  headers: Fields = [];
  upgraded: UpgradedConnection | undefined;
  readonly #attempt: Attempt;
  readonly #options: DispatchOptions;
  readonly #resolve: (reply: Reply) => void;
  readonly #reject: (error: CallFailure) => void;
  readonly #startedMs: number;
  #dispatched: Dispatched | undefined;
  #body: BodyCursor | undefined;
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
    options: DispatchOptions,
    resolve: (reply: Reply) => void,
    reject: (error: CallFailure) => void,
  ) {
    this.#attempt = attempt;
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#startedMs = options.clock.now();
  }

  start(): void {
    const attempt = this.#attempt;
    const { call } = attempt;
    const { client, authority } = this.#options.choose(attempt);
    attempt.onCancel((error) => this.abort(error));
    attempt.enter('connecting');
    this.#body = call.body?.open();
    client.dispatch(
      {
        method: call.method,
        path: this.#options.basePath + call.path,
        authority: call.host ?? authority,
        fields: this.#fields(),
        body: this.#body,
        upgrade: call.upgrade,
      },
      this,
    );
  }

  #fields(): Fields {
    const edits = new FieldEdits(this.#attempt.call.outgoing);
    edits.set('X-Attempt-Count', String(this.#attempt.number));
    for (const edit of this.#options.edits) edit(edits, this.#attempt);
    return edits.fields;
  }

  // From the client.

  get isOver(): boolean {
    return this.#isOver;
  }

  onStart(dispatched: Dispatched): void {
    this.#dispatched = dispatched;
    const isWhole = this.#body === undefined || this.#body.hasEnded;
    this.#attempt.enter(isWhole ? 'waiting' : 'sending');
  }

  onStall(isStalled: boolean): void {
    if (!this.#hasHeaders) this.#attempt.stall(isStalled);
  }

  onSent(): void {
    if (!this.#hasHeaders && !this.#isOver) this.#attempt.enter('waiting');
  }

  onInformational({ status, statusText, headers }: ResponseHead): void {
    this.#attempt.call.client?.sendInformational(status, statusText, headers);
  }

  onHead(head: ResponseHead): void {
    this.#take(head);
    this.#attempt.enter(isOpenEnded(this) ? 'streaming-events' : 'streaming');
    this.#resolve(this);
  }

  onUpgrade(head: ResponseHead, socket: Duplex): void {
    this.#take(head);
    this.upgraded = {
      join: (client) => this.#options.openTunnel(client, socket),
      destroy: () => socket.destroy(),
    };
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

  onFailure(error: Error, progress: Progress): void {
    if (this.#isOver) return;
    const { upstream, target } = this.#options;
    this.#fail(
      describeFailure(error, { upstream, target, progress, hasHeaders: this.#hasHeaders }),
    );
  }

  #take({ status, statusText, headers }: ResponseHead): void {
    this.#hasHeaders = true;
    this.status = status;
    this.statusText = statusText;
    this.headers = headers;
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
    if (this.#attempt.cancelled !== undefined) return this.abort(this.#attempt.cancelled);
    if (wantsMore) this.resume();
    else this.#pause();
  }

  resume(): void {
    // Once this is over, the connection may be another's, who has paused it.
    if (!this.#isPaused || this.#isOver) return;
    this.#isPaused = false;
    this.#attempt.pause(false);
    this.#dispatched?.resume();
  }

  discard(): void {
    if (this.#isOver) return;
    const length = firstValue(this.headers, 'content-length');
    if (
      length === undefined ||
      Number(length) > BUFFER_BYTES ||
      this.#dispatched?.hasSentAll !== true
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
    this.#dispatched?.pause();
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
    this.#dispatched?.destroy();
  }

  #finish(error: CallFailure | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#error = error;
    this.#body?.close();
    this.#attempt.enter('ended');
    const outcome = error === undefined ? classifyStatus(this.status) : classifyFailure(error);
    const result = attemptResult(outcome);
    const { call } = this.#attempt;
    call.results.push(result);
    call.upstreamMs += this.#options.clock.now() - this.#startedMs;
    this.#options.emit({ type: 'attempt-finished', result, error });
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

export interface DispatchOptions {
  readonly upstream: string;
  /** For messages. */
  readonly target: string;
  /** Put in front of the call's path; empty or without a slash at its end. */
  readonly basePath: string;
  /** What policies write on each attempt's request. */
  readonly edits: readonly EditRequest[];
  /** Where the attempt goes. */
  choose(attempt: Attempt): Destination;
  /** Takes both sides of an upgraded connection over. */
  openTunnel(client: Duplex, upstream: Duplex): void;
  readonly clock: Clock;
  readonly emit: Emit;
}

/** The innermost stage. */
export function createDispatch(options: DispatchOptions): AttemptStage {
  return {
    run: (attempt) =>
      new Promise((resolve, reject) => {
        new Dispatch(attempt, options, resolve, reject).start();
      }),
    refusal: () => undefined,
  };
}
