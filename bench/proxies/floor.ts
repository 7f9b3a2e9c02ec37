/**
 * The floor: the least that a correct proxy of Fastify and undici can be. A catch-all route hands the request to
 * `dispatch`, whose handler writes to the raw response; header fields as they came but for those of one connection; streams with
 * back-pressure; a client that leaves takes its call along. No policy, metric or log.
 *
 *   node floor.js PORT TARGET ROUTES
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import fastify from 'fastify';
import { Pool, type Dispatcher } from 'undici';

const [port, target, routes] = process.argv.slice(2) as [string, string, string];

const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

const pool = new Pool(target, { connections: null, headersTimeout: 0, bodyTimeout: 0 });

function forwardable(raw: readonly (string | Buffer)[], skipsHost: boolean): string[] {
  const fields: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toString('latin1' as never);
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || (skipsHost && (lower === 'host' || lower === 'expect'))) continue;
    fields.push(name, raw[i + 1]!.toString('latin1' as never));
  }
  return fields;
}

class Exchange implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse;
  #controller: Dispatcher.DispatchController | undefined;
  #hasLeft = false;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.on('close', () => {
      if (response.writableFinished) return;
      this.#hasLeft = true;
      this.#controller?.abort(new Error('the client has left'));
    });
    response.on('drain', () => this.#controller?.resume());
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#hasLeft) controller.abort(new Error('the client has left'));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200) return;
    const { rawHeaders } = controller as unknown as { rawHeaders: Buffer[] };
    this.#response.writeHead(status, forwardable(rawHeaders, false));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#response.write(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    this.#response.end();
  }

  onResponseError(): void {
    if (this.#response.headersSent) this.#response.destroy();
    else this.#response.writeHead(502).end();
  }
}

function forward(request: IncomingMessage, response: ServerResponse): void {
  const hasBody =
    request.headers['content-length'] !== undefined ||
    request.headers['transfer-encoding'] !== undefined;
  pool.dispatch(
    {
      path: request.url!,
      method: request.method as Dispatcher.HttpMethod,
      headers: forwardable(request.rawHeaders, true),
      body: hasBody ? request : null,
    },
    new Exchange(response),
  );
}

const app = fastify({ keepAliveTimeout: 75_000 });
app.removeAllContentTypeParsers();
app.addContentTypeParser('*', (_request, _payload, done) => done(null));
const paths =
  routes === '0' ? ['/*'] : Array.from({ length: Number(routes) }, (_, i) => `/r${i}/*`);
for (const path of paths) {
  app.all(path, (request, reply) => {
    reply.hijack();
    forward(request.raw, reply.raw);
  });
}
await app.listen({ host: '127.0.0.1', port: Number(port) });
process.on('SIGTERM', () => process.exit(0));
