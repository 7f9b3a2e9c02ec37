/** The body of an HTTP/1 request, read from Node's stream or, where it came together with the head, without one. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Fields } from '../../http/fields.js';
import { readAll } from '../read-all.js';
import type { BodySource, BodySourceReader } from '../stream.js';

/** Unread bytes up to which a connection is kept for the next request rather than closed. */
const DRAINABLE_BYTES = 64 * 1024;

const NOTHING = Buffer.alloc(0);

export function announcesBody({ headers }: IncomingMessage): boolean {
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

export class Http1Body implements BodySource {
  readonly length: number | undefined;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #expectsContinue: boolean;
  #hasStarted = false;
  #reader: BodySourceReader | undefined;

  /** @param response `100 Continue` is sent over it. */
  constructor(request: IncomingMessage, response: ServerResponse) {
    const length = request.headers['content-length'];
    this.length = length === undefined ? undefined : Number(length);
    this.#request = request;
    this.#response = response;
    this.#expectsContinue = request.headers.expect !== undefined;
  }

  get isHere(): boolean {
    return this.#request.readableLength === this.length;
  }

  get isPaused(): boolean {
    return this.#request.isPaused();
  }

  get trailers(): Fields {
    return this.#request.rawTrailers;
  }

  /** Whether what is still to come is too much, or too uncertain, to be read so that the connection can be kept. */
  get spoilsConnection(): boolean {
    if (this.#request.complete) return false;
    // A client without its 100 sends the body or does not: the next bytes could be either the body or another request.
    if (this.#expectsContinue && !this.#hasStarted) return true;
    return this.length === undefined || this.length > DRAINABLE_BYTES;
  }

  takeWhole(): Buffer {
    this.#start();
    return readAll(this.#request) ?? NOTHING;
  }

  sendTo(reader: BodySourceReader): void {
    this.#start();
    this.#reader = reader;
    this.#request.on('data', (chunk: Buffer) => this.#reader?.onData(chunk));
    this.#request.on('end', () => this.#reader?.onEnd());
  }

  pause(): void {
    this.#request.pause();
  }

  resume(): void {
    this.#request.resume();
  }

  discard(): void {
    this.#reader = undefined;
    this.#request.resume();
  }

  #start(): void {
    this.#hasStarted = true;
    if (this.#expectsContinue) this.#response.writeContinue();
  }
}
