/** Passes a request's body on to a stream while it comes from the client, no faster than the upstream takes it. */
import type { ClientHttp2Stream } from 'node:http2';
import type { BodyCursor, BodyReader } from '../../core/request-body.js';
import { forwardTrailers } from '../../http/trailers.js';
import type { ResponseHandler } from '../client.js';
import { trailerHeaders } from './fields.js';
import { sendTrailers } from './node-session.js';

export class Upload implements BodyReader {
  readonly #stream: ClientHttp2Stream;
  readonly #body: BodyCursor;
  readonly #handler: ResponseHandler;
  #isStalled = false;
  #isOver = false;

  /** @param stream has been opened with `waitForTrailers`. */
  constructor(stream: ClientHttp2Stream, body: BodyCursor, handler: ResponseHandler) {
    this.#stream = stream;
    this.#body = body;
    this.#handler = handler;
  }

  /** The upstream has taken all of it, or nothing more is to be sent. */
  get isOver(): boolean {
    return this.#isOver;
  }

  start(): void {
    this.#stream.on('drain', () => this.#onDrain());
    this.#stream.on('wantTrailers', () => this.#onLast());
    this.#body.sendTo(this);
  }

  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#body.close();
  }

  // From the body.

  offer(chunk: Buffer): boolean {
    if (this.#isOver || this.#stream.closed || this.#stream.destroyed) return false;
    const wantsMore = this.#stream.write(chunk);
    if (!wantsMore) this.#setStalled(true);
    return wantsMore;
  }

  onBodyEnd(): void {
    if (!this.#isOver) this.#stream.end();
  }

  #onDrain(): void {
    if (this.#isOver) return;
    this.#setStalled(false);
    this.#body.demand();
  }

  /** The last byte has been sent; the stream ends with what follows. */
  #onLast(): void {
    // Without END_STREAM, so that a part of the body is not taken for all of it.
    if (this.#isOver) return;
    this.#isOver = true;
    sendTrailers(this.#stream, trailerHeaders(forwardTrailers(this.#body.trailers)));
    this.#setStalled(false);
    this.#handler.onSent();
  }

  #setStalled(isStalled: boolean): void {
    if (isStalled === this.#isStalled) return;
    this.#isStalled = isStalled;
    this.#handler.onStall(isStalled);
  }
}
