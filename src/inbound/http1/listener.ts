/** The data plane's listeners: one Fastify instance, whose catch-all route hands each request to an Exchange. */
import type { Address } from '../../core/model.js';
import type { Socket } from 'node:net';
import {
  createServer,
  METHODS,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import httpProxy from '@fastify/http-proxy';
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import { Exchange, type ExchangeContext } from '../exchange.js';
import type { Front, Listener, ListenerLimits } from '../listener.js';
import type { Router } from '../router.js';
import { Ending } from './ending.js';
import { takeIn, type IntakeOptions } from './intake.js';

/** How often Node looks for heads that are late: what `limits.headerTimeout` may be late itself. */
const CHECK_INTERVAL_MS = 250;

/** The file descriptors that are left for connections. */
export interface Descriptors {
  readonly isShort: () => boolean;
  readonly onShortage: (message: string) => void;
}

/** A request on its way through Fastify. */
interface PendingRequest extends IncomingMessage {
  exchange: Exchange;
}

type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Fastify takes no routes once it runs, and a router would judge paths that are none of its business: every target is
 * shown to it as `/`, and any number of servers share the one instance.
 */
export async function createFront(
  context: ExchangeContext,
  descriptors: Descriptors,
): Promise<Front> {
  let handler: RequestHandler;
  const app = fastify({
    serverFactory(fastifyHandler) {
      handler = fastifyHandler as RequestHandler;
      return createServer();
    },
    rewriteUrl: () => '/',
    exposeHeadRoutes: false,
    return503OnClosing: false,
  });
  const methods = METHODS.filter((method) => method !== 'CONNECT');
  // Bodies are the exchange's: Fastify must not judge a Content-Type, let alone parse.
  for (const method of methods) {
    app.addHttpMethod(method, { hasBody: false, overrideExisting: true });
  }
  await app.register(httpProxy, {
    upstream: '',
    replyOptions: { getUpstream: () => '' },
    httpMethods: methods,
    proxyPayloads: false,
    // The cheaper of the plugin's two seams: no URL is taken apart. Nothing after it runs.
    preHandler(request: FastifyRequest, reply: FastifyReply) {
      reply.hijack();
      (request.raw as PendingRequest).exchange.start();
    },
  } as Parameters<typeof app.register>[1] as never);
  await app.ready();

  return {
    async open(address: Address, limits: ListenerLimits): Promise<Listener> {
      let router: Router | undefined;
      let waiting: (() => void)[] = [];
      const server = createServer({
        // Node's own refusal would leave no trace.
        requireHostHeader: false,
        // An upload may take as long as it moves: `limits.bodyIdle` watches it.
        requestTimeout: 0,
        connectionsCheckingInterval: CHECK_INTERVAL_MS,
      });
      // Node would drop the fields beyond this without a word; `maxHeaderSize` bounds them.
      server.maxHeadersCount = 0;
      configure(server, limits);
      refuseWhenShort(server, descriptors);
      const ending = new Ending(server, context.clock);
      const start: IntakeOptions['start'] = (stream, request, response) => {
        if (router === undefined) {
          waiting.push(() => start(stream, request, response));
          return;
        }
        const exchange = new Exchange(stream, router.route(stream.method, stream.target), context);
        // Fastify has routes for the methods that Node parses, and a response of its own for an upgrade.
        if (stream.upgrade !== undefined) return exchange.start();
        (request as PendingRequest).exchange = exchange;
        handler!(request, response);
      };
      takeIn(server, {
        clock: context.clock,
        start,
        onRefused: context.onRefused,
        isClosing: () => ending.hasBegun || context.isDraining(),
      });
      await listen(server, address);
      return {
        address: boundAddress(server, address),
        setRouter(next) {
          router = next;
          const held = waiting;
          waiting = [];
          for (const start of held) start();
        },
        configure: (next) => configure(server, next),
        drain: (isLast) => ending.drain(isLast),
        close: () => ending.close(),
      };
    },
    close: () => app.close(),
  };
}

/** Closes a connection that would take one of the descriptors that are kept for the admin server. */
function refuseWhenShort(server: Server, { isShort, onShortage }: Descriptors): void {
  server.on('connection', (socket: Socket) => {
    // A socket that is given back to the server is announced again, and has been read from.
    if (socket.bytesRead !== 0 || !isShort()) return;
    socket.destroy();
    onShortage(
      'Cannot accept a connection because this process has no file descriptor left (ulimit -n): the last ones are kept for the admin server',
    );
  });
}

function configure(server: Server, limits: ListenerLimits): void {
  server.headersTimeout = limits.headerTimeout;
  server.keepAliveTimeout = limits.keepAlive;
  server.maxConnections = limits.maxConnections === 'off' ? Infinity : limits.maxConnections;
  // Node hands it to the parser of each new connection.
  (server as Server & { maxHeaderSize: number }).maxHeaderSize = limits.maxHeaderSize;
}

function listen(server: Server, address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(
      address.kind === 'tcp' ? { host: address.host, port: address.port } : { path: address.path },
      () => {
        server.off('error', reject);
        resolve();
      },
    );
  });
}

function boundAddress(server: Server, address: Address): Address {
  const bound = server.address();
  if (address.kind === 'unix' || bound === null || typeof bound === 'string') return address;
  return { ...address, port: bound.port };
}
