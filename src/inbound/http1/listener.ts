/** The HTTP/1 side of all listeners: one Fastify instance, whose catch-all route hands each request to an Exchange. */
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
import { noSchemas } from '../../lib/no-schemas.js';
import type { Entrance } from '../entrance.js';
import type { ExchangeContext } from '../exchange-context.js';
import type { Exchange } from '../exchange.js';
import type { ListenerLimits } from '../listener.js';
import type { ProtocolSide } from '../port/protocol-side.js';
import { takeIn, type IntakeOptions } from './intake.js';
import { refuseSocket } from './refusal.js';

/** How often Node looks for heads that are late: what `limits.headerTimeout` may be late itself. */
const CHECK_INTERVAL_MS = 250;

/** A request on its way through Fastify. */
interface PendingRequest extends IncomingMessage {
  exchange: Exchange;
}

type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

export interface Http1Side extends ProtocolSide {
  /** Refuses a client that has not sent enough in time to tell its protocol. */
  refuseLate(socket: Socket): void;
}

export interface Http1 {
  /** The side of one listener. @param isClosing no connection is to be kept for further requests. */
  open(context: ExchangeContext, entrance: Entrance, isClosing: () => boolean): Http1Side;
  close(): Promise<unknown>;
}

/**
 * Fastify takes no routes once it runs, and a router would judge paths that are none of its business: every target is
 * shown to it as `/`, and any number of servers share the one instance.
 */
export async function createHttp1(): Promise<Http1> {
  let handler: RequestHandler;
  const app = fastify({
    serverFactory(fastifyHandler) {
      handler = fastifyHandler as RequestHandler;
      return createServer();
    },
    rewriteUrl: () => '/',
    exposeHeadRoutes: false,
    return503OnClosing: false,
    schemaController: noSchemas,
  });
  const methods = METHODS.filter((method) => method !== 'CONNECT');
  // Bodies are the exchange's: Fastify must not judge a Content-Type, let alone parse.
  for (const method of methods) {
    app.addHttpMethod(method, { hasBody: false, overrideExisting: true });
  }
  await app.register(httpProxy, {
    upstream: '',
    replyOptions: { getUpstream: () => '' },
    // Without this it would make a client of undici, which nothing would use.
    http: {},
    httpMethods: methods,
    proxyPayloads: false,
    // The cheaper of the plugin's two seams: no URL is taken apart. Nothing after it runs.
    preHandler(request: FastifyRequest, reply: FastifyReply) {
      reply.hijack();
      (request.raw as PendingRequest).exchange.start();
    },
  });
  await app.ready();

  return {
    open(context, entrance, isClosing) {
      // It listens to no address: the sockets are given to it.
      const server = createServer({
        // Node's own refusal would leave no trace.
        requireHostHeader: false,
        // An upload may take as long as it moves: `limits.bodyIdle` watches it.
        requestTimeout: 0,
        connectionsCheckingInterval: CHECK_INTERVAL_MS,
      });
      // Node would drop the fields beyond this without a word; `maxHeaderSize` bounds them.
      server.maxHeadersCount = 0;
      // Begins the server's watch for late heads.
      server.emit('listening');
      const start: IntakeOptions['start'] = (stream, request, response) => {
        const exchange = entrance.exchangeOf(stream);
        if (exchange === undefined) return entrance.wait(() => start(stream, request, response));
        // Fastify has routes for the methods that Node parses, and a response of its own for an upgrade.
        if (stream.upgrade !== undefined) return exchange.start();
        (request as PendingRequest).exchange = exchange;
        handler!(request, response);
      };
      const { clock, onRefused } = context;
      takeIn(server, { clock, start, onRefused, isClosing });
      return {
        take: (socket) => void server.emit('connection', socket),
        refuseLate(socket) {
          context.onRefused(408, 'the client sent nothing in time');
          refuseSocket(socket, 408, clock);
        },
        configure: (limits) => configure(server, limits),
        drain: () => {},
        closeIdle: () => server.closeIdleConnections(),
        closeAll: () => server.closeAllConnections(),
        // Ends the watch.
        end: () => void server.close(),
      };
    },
    close: () => app.close(),
  };
}

function configure(server: Server, limits: ListenerLimits): void {
  server.headersTimeout = limits.headerTimeout;
  server.keepAliveTimeout = limits.keepAlive;
  // Node hands it to the parser of each new connection.
  (server as Server & { maxHeaderSize: number }).maxHeaderSize = limits.maxHeaderSize;
}
