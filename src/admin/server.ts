/** The admin server: metrics, health and state for every client that reaches it, and changes for those that may make them. */
import type { Address } from '../core/model.js';
import type { AddressInfo } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import { noSchemas } from '../lib/no-schemas.js';
import { peerOf, requireWriteAccess } from './access.js';
import type { AdminContext, AdminEndpoint } from './endpoint.js';
import { createEndpoints } from './endpoints/index.js';
import { AdminError, asAdminError, sendProblem } from './problem.js';
import type { WrongTokens } from './wrong-tokens.js';

export interface AdminOptions extends AdminContext {
  /** Asked for at each write, as a reload may change it. Undefined: writes are for loopback only. */
  readonly token: () => string | undefined;
  /** Those of the whole process: another address of the server must not forget them. */
  readonly wrongTokens: WrongTokens;
}

/** Bytes of a request body: a change of a circuit is short. */
const BODY_LIMIT = 4096;

/** A client that takes longer to send its request, or to read the response, is disconnected. */
const REQUEST_TIMEOUT_MS = 10_000;
const SILENCE_TIMEOUT_MS = 30_000;

/** Longest name of an upstream or route in a path. The configuration has no such limit. */
const MAX_NAME_LENGTH = 1024;

export interface Admin {
  /** @returns where it listens; a port 0 is the real one. */
  listen(address: Address): Promise<Address>;
  /** Accepts no more connections, and completes the responses under way. */
  closeGently(): void;
  /** Closes all connections at once; does nothing if the server does not listen. */
  close(): Promise<void>;
}

/** @param endpoints all of them, if left out. */
export function createAdmin(options: AdminOptions, endpoints?: readonly AdminEndpoint[]): Admin {
  const app = createAdminApp(options, endpoints);
  return {
    async listen(address) {
      if (address.kind === 'unix') {
        await app.listen({ path: address.path });
        return address;
      }
      await app.listen({ host: address.host, port: address.port });
      const { port } = app.server.address() as AddressInfo;
      return { ...address, port };
    },
    closeGently() {
      app.server.close();
      app.server.closeIdleConnections();
    },
    close: () => app.close(),
  };
}

/** The server without its sockets. */
export function createAdminApp(
  options: AdminOptions,
  endpoints: readonly AdminEndpoint[] = createEndpoints(options),
): FastifyInstance {
  const { logger, version, wrongTokens } = options;
  const app = fastify({
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: SILENCE_TIMEOUT_MS,
    // By default Node looks for late requests only every 30 s.
    http: { headersTimeout: REQUEST_TIMEOUT_MS, connectionsCheckingInterval: 1000 },
    // A scraper's idle connection must not hold up the exit.
    forceCloseConnections: true,
    schemaController: noSchemas,
    routerOptions: { maxParamLength: MAX_NAME_LENGTH },
    frameworkErrors: (error, _request, reply) => {
      void sendProblem(reply, asAdminError(error));
    },
  });

  // Any body is parsed as JSON, whatever its content type: `curl -d` sends it as a form.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));

  app.addHook('onRequest', async (_request, reply) => {
    reply.headers({ Server: `breakwater/${version}`, 'Cache-Control': 'no-store' });
  });
  app.setErrorHandler((cause, request, reply) => {
    const error = asAdminError(cause);
    const fields = {
      peer: peerOf(request),
      method: request.method,
      path: request.url,
      status: error.statusCode,
    };
    if (error.statusCode >= 500) logger.error({ ...fields, err: cause }, error.message);
    else if (!isRead(request.method) && error.isLogged) logger.warn(fields, error.message);
    return sendProblem(reply, error);
  });
  app.setNotFoundHandler(({ method, url }) => {
    const titles = endpoints.map((endpoint) => `${endpoint.method} ${endpoint.title}`).join(', ');
    throw new AdminError(
      404,
      `Cannot ${method} ${url} because there is no such endpoint; there are ${titles}`,
    );
  });

  for (const endpoint of endpoints) {
    const { method, path, title, access } = endpoint;
    app.route({
      method,
      url: path,
      // Before the body is read.
      onRequest: async (request) => {
        if (access === 'write') await requireWriteAccess(request, options.token(), wrongTokens);
      },
      handler: async (request, reply) => endpoint.respond(request, reply),
    });
    const allowed = method === 'GET' ? ['GET', 'HEAD'] : [method];
    app.route({
      method: app.supportedMethods.filter((other) => !allowed.includes(other)),
      url: path,
      onRequest: async (request) => {
        throw new AdminError(
          405,
          `Cannot ${request.method} ${title} because it allows only ${allowed.join(' and ')}`,
          { Allow: allowed.join(', ') },
        );
      },
      handler: () => {},
    });
  }

  return app;
}

const isRead = (method: string) => method === 'GET' || method === 'HEAD';
