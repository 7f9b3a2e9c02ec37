/** The client of an endpoint: chooses for each request whether it goes by HTTP/1.1 or by HTTP/2. */
import { firstValue } from '../http/fields.js';
import { isGrpcType } from '../http/grpc.js';
import type { ClientContext } from './client-context.js';
import {
  ClientClosed,
  NOT_CONNECTED,
  type ClientOptions,
  type HttpClient,
  type OutboundRequest,
  type ResponseHandler,
} from './client.js';
import { ConnectionPool } from './http1/connection-pool.js';
import { SessionPool } from './http2/session-pool.js';
import { Negotiation } from './negotiation.js';

/** gRPC requests are always POST: others need no look at their fields. */
function isGrpc({ method, fields }: OutboundRequest): boolean {
  return method === 'POST' && isGrpcType(firstValue(fields, 'content-type'));
}

interface Waiting {
  readonly request: OutboundRequest;
  readonly handler: ResponseHandler;
}

const closed = () => new ClientClosed('the connections are closed');

/** Survives reloads that change nothing of what it was opened for. */
export class ProtocolClient implements HttpClient {
  readonly #key: string;
  readonly #options: ClientOptions;
  readonly #context: ClientContext;
  readonly #http1: ConnectionPool;
  /** Made for the first request that needs it. */
  #http2: SessionPool | undefined;
  /** Only where the upstream chooses. */
  #negotiation: Negotiation | undefined;
  /** What requests go by; undefined until the upstream has chosen. */
  #protocol: 'http1' | 'http2' | undefined;
  /** For the upstream's choice. */
  #waiting: Waiting[] = [];
  #holders = 0;
  #isClosed = false;

  /** @param previous is held once more where it was opened for the same. */
  static open(
    options: ClientOptions,
    context: ClientContext,
    previous: HttpClient | undefined,
  ): ProtocolClient {
    const key = JSON.stringify(options);
    const client =
      previous instanceof ProtocolClient && previous.#key === key && previous.#holders > 0
        ? previous
        : new ProtocolClient(options, context, key);
    client.#holders += 1;
    return client;
  }

  private constructor(options: ClientOptions, context: ClientContext, key: string) {
    this.#key = key;
    this.#options = options;
    this.#context = context;
    this.#http1 = new ConnectionPool(options, context);
    this.#protocol = this.#known;
  }

  dispatch(request: OutboundRequest, handler: ResponseHandler): void {
    if (isGrpc(request)) this.#sessions.dispatch(request, handler);
    else if (this.#protocol === 'http1') this.#http1.dispatch(request, handler);
    // HTTP/2 has no upgrade; with `http2` the request goes without it.
    else if (request.upgrade !== undefined && this.#options.protocol === 'auto') {
      this.#http1.dispatch(request, handler);
    } else if (this.#protocol === 'http2') this.#sessions.dispatch(request, handler);
    else this.#negotiate(request, handler);
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders > 0) return;
    this.#http1.release();
    this.#http2?.release();
  }

  destroy(): void {
    this.#isClosed = true;
    this.#negotiation?.fail(closed());
    this.#http1.destroy();
    this.#sessions.destroy();
  }

  /** What is known without asking the upstream. */
  get #known(): 'http1' | 'http2' | undefined {
    const { protocol, target } = this.#options;
    if (protocol !== 'auto') return protocol;
    return target.protocol === 'http:' ? 'http1' : undefined;
  }

  get #sessions(): SessionPool {
    this.#http2 ??= new SessionPool(this.#options, this.#context, () => {
      // It may have chosen otherwise since; the next request asks again.
      this.#protocol = this.#known;
    });
    return this.#http2;
  }

  #negotiate(request: OutboundRequest, handler: ResponseHandler): void {
    if (this.#isClosed) return handler.onFailure(closed(), NOT_CONNECTED);
    this.#waiting.push({ request, handler });
    this.#negotiation ??= new Negotiation({
      client: this.#options,
      context: this.#context,
      http1: this.#http1,
      http2: this.#sessions,
      isWanted: () => this.#waiting.some(({ handler }) => !handler.isOver),
      onDecided: (protocol) => {
        this.#protocol = protocol;
        for (const { request, handler } of this.#takeWaiting()) this.dispatch(request, handler);
      },
      onFailure: (error) => {
        for (const { handler } of this.#takeWaiting()) handler.onFailure(error, NOT_CONNECTED);
      },
    });
    this.#negotiation.start();
  }

  #takeWaiting(): Waiting[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting.filter(({ handler }) => !handler.isOver);
  }
}
