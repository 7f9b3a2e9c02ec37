/** The body of an HTTP/2 request. The client's window grows only as it is read. */
import type { ServerHttp2Stream } from 'node:http2';
import type { Fields } from '../../http/fields.js';
import { readAll } from '../read-all.js';
import type { BodySource, BodySourceReader } from '../stream.js';

const NOTHING = Buffer.alloc(0);

export class Http2Body implements BodySource {
  readonly length: number | undefined;
  isPaused = false;
  /** Set when they come. */
  trailers: Fields = [];
  readonly #stream: ServerHttp2Stream;
  readonly #sendContinue: (() => void) | undefined;
  #reader: BodySourceReader | undefined;
  #isHere = false;

  /** @param sendContinue where the client waits for `100 Continue`. */
  constructor(
    stream: ServerHttp2Stream,
    length: number | undefined,
    sendContinue: (() => void) | undefined,
  ) {
    this.length = length;
    this.#stream = stream;
    this.#sendContinue = sendContinue;
  }

  get isHere(): boolean {
    // Asked for once only, as it takes a call into the library.
    this.#isHere ||= this.#stream.state.remoteClose === 1;
    return this.#isHere && this.trailers.length === 0;
  }

  /** All of the body has come from the client. */
  get hasEnded(): boolean {
    return this.#stream.readableEnded || this.#isHere || this.#stream.state.remoteClose === 1;
  }

  takeWhole(): Buffer {
    const bytes = readAll(this.#stream) ?? NOTHING;
    // Its end is read, too: the stream would never close otherwise.
    this.#stream.resume();
    return bytes;
  }

  sendTo(reader: BodySourceReader): void {
    this.#sendContinue?.();
    this.#reader = reader;
    this.#stream.on('data', (chunk: Buffer) => this.#reader?.onData(chunk));
    this.#stream.on('end', () => {
      // A stream that is reset ends as well: its handler is told that the client has left.
      if (!this.#stream.closed) this.#reader?.onEnd();
    });
  }

  pause(): void {
    this.isPaused = true;
    this.#stream.pause();
  }

  resume(): void {
    this.isPaused = false;
    this.#stream.resume();
  }

  discard(): void {
    this.#reader = undefined;
    this.#stream.resume();
  }
}
