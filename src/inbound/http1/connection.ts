/** One connection of a client: its requests run one after another, and its end can be taken over by other code. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Http1Stream } from './http1-stream.js';

/** Requests that wait for their turn before the connection is read no further. */
const MAX_WAITING = 16;

/** What the head of a request said where the parser was given another one in its place. */
export interface Original {
  readonly method?: string | undefined;
  /** The protocol that the client asks to upgrade to. */
  readonly upgrade?: string | undefined;
  /** It came before the response to the one before it. */
  readonly isPipelined?: boolean;
}

interface Turn {
  readonly start: () => void;
  /** Undefined for what is no request. */
  readonly request: IncomingMessage | undefined;
}

const connections = new WeakMap<Socket, Connection>();

export class Connection {
  /** Nothing more is read from it as HTTP: it has been refused, or ends with the response that runs now. */
  isOver = false;
  /** Of the request that runs now; undefined where it was refused. */
  stream: Http1Stream | undefined;
  /** The client's IP address; undefined for a Unix socket. */
  readonly peerAddress: string | undefined;
  readonly #socket: Socket;
  #isBusy = false;
  /** The last request that ended after its response: where the next one begins is not known. */
  #overtaken: IncomingMessage | undefined;
  #waiting: Turn[] = [];
  #original: Original | undefined;
  #request: IncomingMessage | undefined;
  #response: ServerResponse | undefined;

  static of(socket: Socket): Connection {
    let connection = connections.get(socket);
    if (connection === undefined) connections.set(socket, (connection = new Connection(socket)));
    return connection;
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    // Node goes through three getters for it.
    this.peerAddress = socket.remoteAddress;
    // Node takes its own listener off where it gives the socket away.
    socket.on('error', () => {});
  }

  /** A request that comes now has to wait. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** What the parser does not understand now can only be the beginning of a request. */
  get isAtRequest(): boolean {
    if (!this.#isBusy) return this.#overtaken === undefined;
    const last = this.#waiting.length > 0 ? this.#waiting.at(-1)!.request : this.#request;
    if (last?.complete !== true) return false;
    // An end of line comes before what follows any other request. A body of a given length may end with anything.
    const { 'content-length': length = '0' } = last.headers;
    return length === '0';
  }

  /** The body of a request whose response has ended is still on its way. */
  get isInOvertakenBody(): boolean {
    return this.#overtaken?.complete === false;
  }

  /** The response that the connection is busy with. */
  get response(): ServerResponse | undefined {
    return this.#response;
  }

  /**
   * Runs `start` when the responses to all requests before have ended; never, where the connection ends first. A client
   * cannot learn what became of a request whose response it does not get, so that request must not run (RFC 9112,
   * section 9.3.2).
   * @param request undefined for what is no request. The turn lasts until `done` is called.
   */
  take(start: () => void, request?: IncomingMessage): void {
    if (this.#isBusy) {
      this.#waiting.push({ start, request });
      // After what is being parsed now: Node reads on at the end of each request.
      if (this.#waiting.length === MAX_WAITING) queueMicrotask(() => this.#socket.pause());
      return;
    }
    this.#isBusy = true;
    this.#request = request;
    start();
  }

  /** As `take`, for a socket that Node's server has given away. */
  takeBare(start: () => void, request?: IncomingMessage): void {
    const socket = this.#socket;
    // It does no more for the responses that come first.
    const onDrain = () => void this.#response?.emit('drain');
    socket.on('drain', onDrain);
    this.take(() => {
      socket.off('drain', onDrain);
      start();
    }, request);
  }

  /** The turn that runs now lasts until this response has ended. */
  lastsUntil(response: ServerResponse): void {
    this.#response = response;
    response.on('close', this.done);
  }

  /** Ends the turn that runs now. */
  readonly done = (): void => {
    this.#isBusy = false;
    if (this.#request?.complete === false) this.#overtaken = this.#request;
    this.#request = undefined;
    this.#response = undefined;
    this.stream = undefined;
    const socket = this.#socket;
    if (socket.destroyed || socket.writableEnded) {
      this.#waiting = [];
      return;
    }
    const next = this.#waiting.shift();
    if (next === undefined) return;
    if (this.#waiting.length === MAX_WAITING - 1) socket.resume();
    this.take(next.start, next.request);
  };

  /**
   * The parser has met a defect: in the body of the request that runs now, in that of the last one that waits, or in the
   * head of the next one.
   * @returns true for the body of the request that runs now.
   */
  meetsDefect(): boolean {
    const last = this.#waiting.at(-1);
    if (last === undefined) return this.#request?.complete === false;
    // Its turn becomes the refusal's.
    if (last.request?.complete === false) this.#waiting.pop();
    return false;
  }

  /** The next request of this connection has a head that was written anew. */
  expect(original: Original): void {
    this.#original = original;
  }

  /** What the request said that has just been parsed; undefined where it is as it came. */
  takeOriginal(): Original | undefined {
    const original = this.#original;
    this.#original = undefined;
    return original;
  }
}
