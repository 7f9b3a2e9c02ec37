/** A response while it arrives: keeps its beginning until there is a sink, holds the upstream back while the sink is full. */
import type { Attempt } from '../core/attempt.js';
import type { CallFailure } from '../core/errors.js';
import type { Outcome } from '../core/outcome.js';
import { drain, type Chunk, type Release, type Reply, type ReplySink } from '../core/reply.js';
import { firstValue, type Fields } from '../http/fields.js';
import type { Dispatched, ResponseHead } from './client.js';

/** Bytes of the body kept before there is a sink, and bytes read of a body that is not wanted any more. */
const BUFFER_BYTES = 64 * 1024;

export abstract class StreamedReply implements Reply {
  status = 0;
  statusText = '';
  headers: Fields = [];
  outcome: Outcome | undefined;
  protected readonly attempt: Attempt;
  /** Undefined until the request begins to be sent. */
  protected dispatched: Dispatched | undefined;
  protected hasHeaders = false;
  #isOver = false;
  #isPaused = false;
  #error: CallFailure | undefined;
  #trailers: Fields = [];
  #chunks: Chunk[] = [];
  #chunkBytes = 0;
  #sink: ReplySink | undefined;
  #listeners: ((error: CallFailure | undefined) => void)[] = [];

  constructor(attempt: Attempt) {
    this.attempt = attempt;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get isComplete(): boolean {
    return this.#isOver && this.#error === undefined;
  }

  attach(sink: ReplySink): void {
    this.#sink = sink;
    const chunks = this.#chunks;
    this.#chunks = [];
    let wantsMore = true;
    for (const { bytes, release } of chunks) wantsMore = sink.onData(bytes, release);
    if (this.#isOver) return this.#endSink();
    if (this.attempt.cancelled !== undefined) return this.abort(this.attempt.cancelled);
    if (wantsMore) this.resume();
    else this.#pause();
  }

  resume(): void {
    // After the end of this response, the connection may be paused for another one.
    if (!this.#isPaused || this.#isOver) return;
    this.#isPaused = false;
    this.attempt.pause(false);
    this.dispatched?.resume();
  }

  discard(): void {
    if (this.#isOver) return;
    const length = firstValue(this.headers, 'content-length');
    if (
      length === undefined ||
      Number(length) > BUFFER_BYTES ||
      this.dispatched?.hasSentAll !== true
    ) {
      return this.#close(undefined);
    }
    // Not `attach`: what comes is for no client.
    this.#chunks = [];
    this.#sink = drain;
    this.resume();
  }

  abort(error: CallFailure): void {
    if (this.#isOver) return;
    // An upstream that breaks off a response that is not wanted any more says nothing about the attempt.
    this.#close(this.#sink === drain ? undefined : error);
    if (!this.hasHeaders) this.onNoResponse(error);
  }

  onFinished(listener: (error: CallFailure | undefined) => void): void {
    if (this.#isOver) listener(this.#error);
    else this.#listeners.push(listener);
  }

  // From the connection.

  onData(bytes: Buffer, release?: Release): void {
    this.attempt.progress();
    if (this.#sink !== undefined) {
      if (!this.#sink.onData(bytes, release)) this.#pause();
      return;
    }
    this.#chunks.push({ bytes, release });
    this.#chunkBytes += bytes.length;
    if (this.#chunkBytes >= BUFFER_BYTES) this.#pause();
  }

  protected take({ status, statusText, headers }: ResponseHead): void {
    this.hasHeaders = true;
    this.status = status;
    this.statusText = statusText;
    this.headers = headers;
  }

  /** The attempt has ended; of no effect a second time. */
  protected finish(error: CallFailure | undefined, trailers: Fields = []): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#error = error;
    this.#trailers = trailers;
    this.onFinish(error);
    for (const listener of this.#listeners) listener(error);
    this.#listeners = [];
    if (this.#sink !== undefined) this.#endSink();
  }

  /** Called once, before the listeners. */
  protected abstract onFinish(error: CallFailure | undefined): void;

  /** There will be no head. */
  protected abstract onNoResponse(error: CallFailure): void;

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.dispatched?.pause();
    this.attempt.pause(true);
  }

  /** Ends the attempt before its natural end; the connection cannot be used again. */
  #close(error: CallFailure | undefined): void {
    this.finish(error);
    this.dispatched?.destroy();
  }

  #endSink(): void {
    if (this.#error === undefined) this.#sink?.onEnd(this.#trailers);
    else this.#sink?.onError(this.#error);
  }
}
