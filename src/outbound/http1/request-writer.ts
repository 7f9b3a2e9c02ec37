/** Writes a request to the upstream: its head, then its body as it comes from the client (RFC 9112, sections 6 and 7). */
import type { Socket } from 'node:net';
import type { BodyCursor, BodyReader } from '../../core/request-body.js';
import { fieldLines } from '../../http/fields.js';
import { forwardTrailers } from '../../http/trailers.js';
import type { OutboundRequest, ResponseHandler } from '../client.js';

/** The request line and all fields but those that only the body decides, each with its line's end. */
function renderHead({ method, path, authority, upgrade, fields }: OutboundRequest): string {
  const connection = upgrade === undefined ? 'keep-alive' : `Upgrade\r\nUpgrade: ${upgrade}`;
  return `${method} ${path} HTTP/1.1\r\nHost: ${authority}\r\nConnection: ${connection}\r\n${fieldLines(fields)}`;
}

/** Bodies up to this length are sent in one string with their head: a single write of the cheapest kind. */
const JOINED_BYTES = 16 * 1024;

/**
 * @param handler is told the progress of a body that is still coming.
 * @returns undefined if all has been written; otherwise what goes on writing until `stop`.
 */
export function writeRequest(
  socket: Socket,
  request: OutboundRequest,
  handler: ResponseHandler,
): BodyWriter | undefined {
  const { body } = request;
  const head = renderHead(request);
  if (body === undefined) {
    socket.write(`${head}\r\n`, 'latin1');
    return undefined;
  }
  const whole = body.takeWhole();
  if (whole === undefined) return new BodyWriter(socket, head, body, handler);
  const hasLength = body.length !== undefined;
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
 * Passes a body on while it comes: chunked, unless the head says how long it is. The head does not wait for the body: the
 * upstream may respond to the head alone, and the client may wait for that before it sends more.
 */
export class BodyWriter implements BodyReader {
  readonly #socket: Socket;
  readonly #body: BodyCursor;
  readonly #handler: ResponseHandler;
  readonly #isChunked: boolean;
  #hasBegun = false;
  #isStalled = false;
  #hasEnded = false;

  constructor(socket: Socket, head: string, body: BodyCursor, handler: ResponseHandler) {
    this.#socket = socket;
    this.#body = body;
    this.#handler = handler;
    this.#isChunked = body.length === undefined;
    const framing = this.#isChunked ? 'Transfer-Encoding: chunked\r\n' : '';
    socket.on('drain', this.#onDrain);
    // What is here already is sent in one write.
    socket.cork();
    socket.write(`${head}${framing}\r\n`, 'latin1');
    body.sendTo(this);
    socket.uncork();
  }

  /** Something of the body, or its end, has been written. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** The whole request has been taken by the socket. */
  get isDone(): boolean {
    return this.#hasEnded && !this.#isStalled;
  }

  /** Nothing more is to be sent: the connection has ended, or is about to. */
  stop(): void {
    this.#socket.off('drain', this.#onDrain);
    this.#body.close();
  }

  // From the body.

  offer(chunk: Buffer): boolean {
    const socket = this.#socket;
    this.#hasBegun = true;
    socket.cork();
    if (this.#isChunked) socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1');
    let wantsMore = socket.write(chunk);
    if (this.#isChunked) wantsMore = socket.write('\r\n', 'latin1');
    socket.uncork();
    if (!wantsMore) this.#setStalled(true);
    return wantsMore;
  }

  onBodyEnd(): void {
    this.#hasEnded = true;
    this.#hasBegun = true;
    if (this.#isChunked) this.#setStalled(!this.#socket.write(this.#lastChunk(), 'latin1'));
    if (!this.#isStalled) this.#finish();
  }

  readonly #onDrain = (): void => {
    this.#setStalled(false);
    if (this.#hasEnded) this.#finish();
    else this.#body.demand();
  };

  #finish(): void {
    this.#socket.off('drain', this.#onDrain);
    this.#handler.onSent();
  }

  #lastChunk(): string {
    return `0\r\n${fieldLines(forwardTrailers(this.#body.trailers))}\r\n`;
  }

  #setStalled(isStalled: boolean): void {
    if (isStalled === this.#isStalled) return;
    this.#isStalled = isStalled;
    this.#handler.onStall(isStalled);
  }
}
