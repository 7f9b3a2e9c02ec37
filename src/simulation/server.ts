/** The seam between the real proxy and an upstream that is simulated: what a server does with each request that comes. */
import type { BodyReader } from '../core/request-body.js';
import type { Fields } from '../http/fields.js';
import {
  NOT_CONNECTED,
  type Dispatched,
  type OutboundRequest,
  type ResponseHandler,
} from '../outbound/client.js';

/** The process behind one address of an upstream. */
export interface SimulatedServer {
  /** Connections are kept open for further requests. */
  readonly keepsConnections: boolean;
  /** Counts its starts: connections that an earlier run of the process had open are closed. */
  readonly generation: number;
  /** An attempt comes to it, which may need a connection first. */
  serve(request: ServedRequest): void;
}

export interface SimulatedResponse {
  readonly status: number;
  readonly headers?: Fields;
  readonly body?: Buffer;
  readonly trailers?: Fields;
}

const EMPTY = Buffer.alloc(0);

/** Statuses whose responses have no body (RFC 9110, section 6.4.1). */
const isBodiless = (status: number) => status === 204 || status === 304;

/**
 * One attempt, as the server sees it. The server calls `refuse`; or `open`, and later at most one of `respond` and
 * `reset`; or nothing at all.
 */
export class ServedRequest implements Dispatched {
  readonly protocolVersion = '1.1';
  readonly head: Pick<OutboundRequest, 'method' | 'path' | 'fields'>;
  /** It came over a connection that has carried another request before. */
  readonly isReused: boolean;
  readonly #body: OutboundRequest['body'];
  readonly #handler: ResponseHandler;
  /** The connection may carry another request. */
  readonly #onIdle: () => void;
  #isOpen = false;
  #received: Buffer | undefined;

  constructor(
    request: OutboundRequest,
    handler: ResponseHandler,
    isReused: boolean,
    onIdle: () => void,
  ) {
    this.head = request;
    this.isReused = isReused;
    this.#body = request.body;
    this.#handler = handler;
    this.#onIdle = onIdle;
  }

  /** The proxy does not wait for it any more. */
  get isGone(): boolean {
    return this.#handler.isOver;
  }

  get hasSentAll(): boolean {
    return this.#body === undefined || this.#received !== undefined;
  }

  /** The body of the request; empty until all of it has been received. */
  get body(): Buffer {
    return this.#received ?? EMPTY;
  }

  /** The connection was refused. Only where the request is not over a connection that was kept. */
  refuse(): void {
    if (this.isGone) return;
    this.#handler.onFailure(failure('connect ECONNREFUSED', 'ECONNREFUSED'), NOT_CONNECTED);
  }

  /** There is a connection: the request is sent. @param then is called when all of it has been received. */
  open(then: () => void): void {
    if (this.isGone) return;
    this.#isOpen = true;
    this.#handler.onStart(this);
    const body = this.#body;
    if (body === undefined) return then();
    this.#received = body.takeWhole();
    if (this.#received !== undefined) return then();
    const chunks: Buffer[] = [];
    const reader: BodyReader = {
      offer: (chunk) => chunks.push(chunk) > 0,
      onBodyEnd: () => {
        this.#received = Buffer.concat(chunks);
        this.#handler.onSent();
        then();
      },
    };
    body.sendTo(reader);
  }

  respond({ status, headers = [], body = EMPTY, trailers = [] }: SimulatedResponse): void {
    if (this.isGone) return;
    const handler = this.#handler;
    this.#onIdle();
    handler.onHead({ status, statusText: '', headers });
    const hasBody = body.length > 0 && this.head.method !== 'HEAD' && !isBodiless(status);
    if (hasBody && !handler.isOver) handler.onData(body);
    if (!handler.isOver) handler.onEnd(trailers);
  }

  /** The connection breaks before the response has begun. */
  reset(): void {
    if (this.isGone) return;
    this.#handler.onFailure(failure('read ECONNRESET', 'ECONNRESET'), {
      isConnected: this.#isOpen,
      sent: this.#isOpen ? 'some' : 'none',
      isReused: this.isReused,
      hasResponseBegun: false,
    });
  }

  // From the proxy: responses are in memory, so they need no flow control.

  pause(): void {}
  resume(): void {}
  /** The server is not told, and works on. */
  destroy(): void {}
}

const failure = (message: string, code: string): Error =>
  Object.assign(new Error(message), { code });
