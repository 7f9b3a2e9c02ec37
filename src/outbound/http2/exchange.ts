/** One request and its response on a stream of an HTTP/2 session. */
import { constants, type ClientHttp2Stream } from 'node:http2';
import type { BodyCursor } from '../../core/request-body.js';
import { firstValue, type Fields } from '../../http/fields.js';
import {
  ResponseFault,
  type Dispatched,
  type ResponseHandler,
  type ResponseHead,
} from '../client.js';
import { responseHead, sizeOf } from './fields.js';
import { cancel, explainReset, isComplete, watchEnd } from './stream-end.js';
import { hear, type StreamListener } from './stream-events.js';
import { Upload } from './upload.js';

/** What an exchange uses of its session. */
export interface ExchangeOwner {
  readonly maxHeaderBytes: number;
  /** The connection has ended. */
  readonly isLost: boolean;
  /** No new streams will follow. */
  readonly isGoingAway: boolean;
  /** Something of a response has come. */
  onResponse(): void;
  /** Calls `release` of the exchange when all has been handed over that was read together. */
  hold(exchange: Exchange): void;
  /** It is over for its handler; its stream may still be open. */
  onOver(): void;
  /** The stream is closed. @param isReset by the other side, before the response was complete. */
  onClosed(isReset: boolean): void;
  /** The exchange was given up on this side. */
  onGivenUp(): void;
  /** @param error what the stream has reported. */
  explainLoss(streamId: number | undefined, error: Error | undefined): Loss;
}

/** How a connection has ended. */
export interface Loss {
  readonly error: Error;
  /** The other side says that it has not taken the request. */
  readonly isUnsent: boolean;
  /** It was idle before the request, and the other side has not sent anything since. */
  readonly isStale: boolean;
}

const { NGHTTP2_FLAG_END_STREAM, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants;

export class Exchange implements Dispatched, StreamListener {
  readonly #stream: ClientHttp2Stream;
  readonly #owner: ExchangeOwner;
  readonly #handler: ResponseHandler;
  #upload: Upload | undefined;
  /** The head, until it is handed over. */
  #head: ResponseHead | undefined;
  #chunks: Buffer[] = [];
  #trailers: Fields = [];
  /** Bytes of the body that the head announces; undefined where it does not. */
  #length: number | undefined;
  #bytes = 0;
  #wasPaused = false;
  #hasResponseBegun = false;
  #error: Error | undefined;
  #isOver = false;

  constructor(stream: ClientHttp2Stream, owner: ExchangeOwner, handler: ResponseHandler) {
    this.#stream = stream;
    this.#owner = owner;
    this.#handler = handler;
    watchEnd(stream);
    hear(stream, this);
  }

  get protocolVersion(): '2' {
    return '2';
  }

  get hasSentAll(): boolean {
    return this.#upload === undefined ? this.#stream.writableFinished : this.#upload.isOver;
  }

  /** @param body what still comes of it. */
  upload(body: BodyCursor): void {
    this.#upload = new Upload(this.#stream, body, this.#handler);
    this.#upload.start();
  }

  pause(): void {
    this.#wasPaused = true;
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  destroy(): void {
    if (this.#isOver) return;
    this.#end();
    this.#owner.onGivenUp();
  }

  /** Hands over what was held back. */
  release(): void {
    const head = this.#head;
    if (head === undefined || this.#isOver) return;
    const chunks = this.#chunks;
    this.#head = undefined;
    this.#chunks = [];
    this.#handler.onHead(head);
    for (const chunk of chunks) if (!this.#isOver) this.#handler.onData(chunk);
  }

  // From the stream.

  onInformational(raw: string[]): void {
    this.#hasResponseBegun = true;
    this.#owner.onResponse();
    const head = responseHead(raw);
    if (this.#isOver || this.#isTooLarge(raw)) return;
    if (head.status < 100) return this.#refuse(`the status ${raw[1]}`);
    // The body is on its way anyway, and HTTP/2 has no 101 (RFC 9113, section 8.6).
    if (head.status !== 100 && head.status !== 101) this.#handler.onInformational(head);
  }

  /**
   * Of a response whose head and breakage come together nothing has been passed on: the attempt failed, and another one may
   * do better. So the head waits until all has been read that came with it.
   */
  onHead(flags: number, raw: string[]): void {
    this.#hasResponseBegun = true;
    this.#owner.onResponse();
    if (this.#isOver || this.#isTooLarge(raw)) return;
    this.#head = responseHead(raw);
    const length = firstValue(this.#head.headers, 'content-length');
    this.#length = length === undefined ? undefined : Number(length);
    if ((flags & NGHTTP2_FLAG_END_STREAM) === 0) this.#owner.hold(this);
  }

  onTrailers(raw: string[]): void {
    if (!this.#isOver && !this.#isTooLarge(raw)) this.#trailers = raw;
  }

  onData(chunk: Buffer): void {
    this.#owner.onResponse();
    this.#bytes += chunk.length;
    if (this.#isOver) return;
    if (this.#head === undefined) this.#handler.onData(chunk);
    else this.#chunks.push(chunk);
  }

  /**
   * While a stream is paused, Node closes it before it tells of END_STREAM, so that it looks like a reset with NO_ERROR. Then
   * the length tells them apart, or the trailers, which only END_STREAM can follow. Where there is neither, the response counts
   * as complete: a reset with NO_ERROR in the middle of a body is rarer than a slow reader.
   */
  get #isComplete(): boolean {
    if (isComplete(this.#stream) || this.#trailers.length > 0) return true;
    if (!this.#wasPaused || this.#owner.isLost || !this.#hasResponseBegun) return false;
    if (this.#stream.rstCode !== NGHTTP2_NO_ERROR) return false;
    return this.#length === undefined || this.#length === this.#bytes;
  }

  onEnd(): void {
    if (this.#isOver || !this.#isComplete) return;
    this.release();
    if (this.#isOver) return;
    this.#end();
    this.#handler.onEnd(this.#trailers);
  }

  onError(error: Error): void {
    this.#error = error;
  }

  onClose(): void {
    const isReset = !this.#isOver && !this.#isComplete;
    this.#upload?.stop();
    this.#owner.onClosed(isReset);
    if (this.#isOver) return;
    // What the session reports of its end may come later than what its streams do.
    if (!this.#owner.isLost) this.#fail();
    else setImmediate(() => this.#fail());
  }

  #fail(): void {
    if (this.#isOver) return;
    const { id, rstCode } = this.#stream;
    const loss = this.#owner.isLost ? this.#owner.explainLoss(id, this.#error) : undefined;
    const error = loss?.error ?? explainReset(rstCode, this.#owner.isGoingAway);
    const isUnsent = id === undefined || rstCode === NGHTTP2_REFUSED_STREAM || loss?.isUnsent;
    const isStale = loss?.isStale === true;
    this.#isOver = true;
    this.#owner.onOver();
    this.#handler.onFailure(error, {
      isConnected: true,
      sent: isUnsent && !this.#hasResponseBegun ? 'none' : 'some',
      isReused: isStale,
      hasResponseBegun: this.#hasResponseBegun,
    });
  }

  #isTooLarge(raw: string[]): boolean {
    const { maxHeaderBytes } = this.#owner;
    if (sizeOf(raw) <= maxHeaderBytes) return false;
    this.#refuse(`more than ${maxHeaderBytes} bytes of header fields`);
    return true;
  }

  /** @param what the response has that no response may have. */
  #refuse(what: string): void {
    this.#end();
    this.#handler.onFailure(new ResponseFault(`bad response: ${what}`), {
      isConnected: true,
      sent: 'some',
      isReused: false,
      hasResponseBegun: true,
    });
  }

  /** Nothing more is sent, and nothing more handed over. */
  #end(): void {
    this.#isOver = true;
    const isWhole = this.#isComplete && this.hasSentAll;
    this.#upload?.stop();
    if (!isWhole) cancel(this.#stream);
    this.#owner.onOver();
  }
}
