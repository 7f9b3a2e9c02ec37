/** A request on its way upstream: its head, and its body as it comes from the client (RFC 9112, sections 6 and 7). */
import type { Socket } from 'node:net';
import { fieldLines } from '../../http/fields.js';
import { forwardTrailers } from '../../http/trailers.js';
import type { Question } from './reply-parser.js';
import type { BodyReader, ReplayableBody } from '../../inbound/request-body.js';

/** What a try wants to know of a body that is still on its way. */
export interface UploadListener {
  /** The upstream does not take (true), or takes again (false), bytes that are there. */
  onStall(isStalled: boolean): void;
  /** The last byte has been taken. */
  onSent(): void;
}

export interface OutgoingRequest extends Question {
  /** The request line and all fields but those that only its body decides, each with its line's end. */
  readonly head: string;
  /** The head says how long the body is. */
  readonly hasLength: boolean;
  readonly body: ReplayableBody | undefined;
  readonly listener: UploadListener;
}

/** Bodies up to this leave in one string with their head: a single write of the cheapest kind. */
const JOINED_BYTES = 16 * 1024;

/** @returns undefined when all has been written; otherwise what goes on writing, and has to be told to stop. */
export function writeRequest(socket: Socket, request: OutgoingRequest): BodyWriter | undefined {
  const { head, body, hasLength } = request;
  if (body === undefined) {
    socket.write(`${head}\r\n`, 'latin1');
    return undefined;
  }
  const whole = body.takeWhole();
  if (whole === undefined) return new BodyWriter(socket, request, body);
  const complete = `${head}${hasLength ? '' : `Content-Length: ${whole.length}\r\n`}\r\n`;
  if (whole.length <= JOINED_BYTES) {
    // Latin-1 is byte for byte.
    socket.write(complete + whole.toString('latin1'), 'latin1');
    return undefined;
  }
  socket.cork();
  socket.write(complete, 'latin1');
  socket.write(whole);
  socket.uncork();
  return undefined;
}

/**
 * Passes a body on while it comes: chunked, unless the head says how long it is. The head waits for the first of it, so that a body
 * that proves malformed at once never gets anywhere.
 */
export class BodyWriter implements BodyReader {
  readonly #socket: Socket;
  readonly #body: ReplayableBody;
  readonly #listener: UploadListener;
  readonly #isChunked: boolean;
  /** Still to be written. */
  #head: string;
  #isStalled = false;
  #hasEnded = false;

  constructor(socket: Socket, request: OutgoingRequest, body: ReplayableBody) {
    this.#socket = socket;
    this.#body = body;
    this.#listener = request.listener;
    this.#isChunked = !request.hasLength;
    const framing = this.#isChunked ? 'Transfer-Encoding: chunked\r\n' : '';
    this.#head = `${request.head}${framing}\r\n`;
    socket.on('drain', this.#onDrain);
    // What is here already leaves in one write.
    socket.cork();
    body.sendTo(this);
    socket.uncork();
  }

  /** Something of the request has been written. */
  get hasBegun(): boolean {
    return this.#head === '';
  }

  /** The whole request has been taken by the socket. */
  get isDone(): boolean {
    return this.#hasEnded && !this.#isStalled;
  }

  /** Nothing more is to be sent: the connection has ended, or is about to. */
  stop(): void {
    this.#socket.off('drain', this.#onDrain);
    this.#body.detach(this);
  }

  // From the body.

  offer(chunk: Buffer): boolean {
    const socket = this.#socket;
    socket.cork();
    this.#writeHead();
    if (this.#isChunked) socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1');
    let wantsMore = socket.write(chunk);
    if (this.#isChunked) wantsMore = socket.write('\r\n', 'latin1');
    socket.uncork();
    if (!wantsMore) this.#setStalled(true);
    return wantsMore;
  }

  onBodyEnd(): void {
    this.#hasEnded = true;
    this.#writeHead();
    if (this.#isChunked) this.#setStalled(!this.#socket.write(this.#lastChunk(), 'latin1'));
    if (!this.#isStalled) this.#finish();
  }

  readonly #onDrain = (): void => {
    this.#setStalled(false);
    if (this.#hasEnded) this.#finish();
    else this.#body.demand(this);
  };

  #finish(): void {
    this.#socket.off('drain', this.#onDrain);
    this.#listener.onSent();
  }

  #writeHead(): void {
    if (this.#head === '') return;
    this.#socket.write(this.#head, 'latin1');
    this.#head = '';
  }

  #lastChunk(): string {
    return `0\r\n${fieldLines(forwardTrailers(this.#body.trailers))}\r\n`;
  }

  #setStalled(isStalled: boolean): void {
    if (isStalled === this.#isStalled) return;
    this.#isStalled = isStalled;
    this.#listener.onStall(isStalled);
  }
}
