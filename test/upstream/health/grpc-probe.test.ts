import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import {
  createSecureServer,
  createServer,
  type Http2Server,
  type ServerHttp2Stream,
} from 'node:http2';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import t from 'tap';
import type { Target, TlsOptions } from '../../../src/core/model.js';
import { createGrpcProbe } from '../../../src/upstream/health/grpc-probe.js';
import { eventually, findFreePort, type Teardown } from '../../support/sidecar.js';

/** A message as gRPC frames it. */
function frame(...message: readonly number[]): Buffer {
  return Buffer.from([0, 0, 0, 0, message.length, ...message]);
}

/** HealthCheckResponse: field 1, a number. */
const SERVING = frame(0x08, 1);

interface Response {
  readonly status?: number;
  readonly type?: string;
  readonly body?: Buffer;
  readonly trailers?: Record<string, string>;
}

function respond(stream: ServerHttp2Stream, response: Response): void {
  const { status = 200, type = 'application/grpc', body, trailers } = response;
  const headers = { ':status': status, 'content-type': type };
  if (body === undefined) return stream.respond({ ...headers, ...trailers }, { endStream: true });
  stream.respond(headers, { waitForTrailers: trailers !== undefined });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers!));
  stream.end(body);
}

interface Seen {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

async function listen(t: Teardown, server: Http2Server | ReturnType<typeof createTcpServer>) {
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sockets };
}

function serve(server: Http2Server, handle: (stream: ServerHttp2Stream, service: string) => void) {
  const seen: Seen[] = [];
  server.on('session', (session) => session.on('error', () => {}));
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on('error', () => {});
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      const body = Buffer.concat(chunks);
      seen.push({ headers, body });
      handle(stream, body.subarray(7).toString());
    });
  });
  return seen;
}

async function startServer(
  t: Teardown,
  handle: (stream: ServerHttp2Stream, service: string) => void,
) {
  const server = createServer();
  const seen = serve(server, handle);
  return { ...(await listen(t, server)), seen };
}

interface Asked {
  readonly service?: string;
  readonly protocol?: Target['protocol'];
  readonly host?: string;
  readonly socketPath?: string;
  readonly tls?: TlsOptions;
}

function probeOf(port: number, asked: Asked = {}) {
  const { service = '', protocol = 'http:', host = 'catalog.internal', socketPath, tls } = asked;
  const href = `${protocol}//${host}:${port}`;
  return createGrpcProbe({
    service,
    authority: `${host}:${port}`,
    target: { protocol, host, port, socketPath, basePath: '', href },
    tls,
    lookUp(name, done) {
      if (name === 'catalog.internal') done(undefined, '127.0.0.1');
      else done(new Error(`getaddrinfo ENOTFOUND ${name}`), '');
    },
  });
}

/** @returns the error, or `good`. */
function check(address: string, port: number, asked?: Asked): Promise<string> {
  return new Promise((resolve) => {
    probeOf(port, asked)(address, (error = 'good') => resolve(error));
  });
}

t.test('asks for the service by grpc.health.v1', async (t) => {
  const { port, seen, sockets } = await startServer(t, (stream) => {
    respond(stream, { body: SERVING, trailers: { 'grpc-status': '0' } });
  });
  t.equal(await check(`127.0.0.1:${port}`, port, { service: 'shop.Cart' }), 'good');
  t.match(seen[0]!.headers, {
    ':method': 'POST',
    ':scheme': 'http',
    ':authority': `catalog.internal:${port}`,
    ':path': '/grpc.health.v1.Health/Check',
    'content-type': 'application/grpc',
    te: 'trailers',
    'user-agent': 'breakwater-health-check',
  });
  t.same(seen[0]!.body, frame(0x0a, 9, ...Buffer.from('shop.Cart')));
  await eventually('the connection is closed', () => sockets[0]!.destroyed);

  t.equal(await check(`127.0.0.1:${port}`, port), 'good');
  t.same(seen[1]!.body, frame(), 'for the server as a whole, the message is empty');
  t.equal(sockets.length, 2, 'each check has a connection of its own');
});

const ok = { 'grpc-status': '0' };
const serving = (stream: ServerHttp2Stream): void => {
  respond(stream, { body: SERVING, trailers: ok });
};

const noResponse = 'its response is not one of grpc.health.v1';

const responses: readonly (readonly [what: string, response: Response, expected: string])[] = [
  ['SERVING', { body: SERVING, trailers: ok }, 'good'],
  ['a subtype of gRPC', { type: 'application/grpc+proto', body: SERVING, trailers: ok }, 'good'],
  ['further fields', { body: frame(0x12, 1, 7, 0x08, 1), trailers: ok }, 'good'],
  ['NOT_SERVING', { body: frame(0x08, 2), trailers: ok }, 'it is NOT_SERVING'],
  ['SERVICE_UNKNOWN', { body: frame(0x08, 3), trailers: ok }, 'it is SERVICE_UNKNOWN'],
  ['an empty message', { body: frame(), trailers: ok }, 'it is UNKNOWN'],
  [
    'NOT_FOUND',
    { trailers: { 'grpc-status': '5', 'grpc-message': 'unknown%20service %C3%BC' } },
    'it responded with grpc-status 5 (NOT_FOUND): unknown service ü',
  ],
  [
    'a message that is not encoded',
    { trailers: { 'grpc-status': '13', 'grpc-message': '100%' } },
    'it responded with grpc-status 13 (INTERNAL): 100%',
  ],
  [
    'UNIMPLEMENTED',
    { trailers: { 'grpc-status': '12' } },
    'it responded with grpc-status 12 (UNIMPLEMENTED)',
  ],
  [
    'a failure after a message',
    { body: SERVING, trailers: { 'grpc-status': '14' } },
    'it responded with grpc-status 14 (UNAVAILABLE)',
  ],
  [
    'a code that is not known',
    { trailers: { 'grpc-status': '99' } },
    'it responded with grpc-status 99',
  ],
  ['no status', { body: SERVING }, 'its response ended without grpc-status'],
  ['no message', { trailers: ok }, noResponse],
  ['two messages', { body: Buffer.concat([SERVING, SERVING]), trailers: ok }, noResponse],
  ['a message that is cut off', { body: SERVING.subarray(0, 6), trailers: ok }, noResponse],
  ['a number that is cut off', { body: frame(0x08, 0x81), trailers: ok }, noResponse],
  ['a wrong type of the field', { body: frame(0x0a, 1, 1), trailers: ok }, 'it is UNKNOWN'],
  ['a status that is not known', { body: frame(0x08, 9), trailers: ok }, noResponse],
  ['a compressed message', { body: Buffer.from([1, 0, 0, 0, 0]), trailers: ok }, noResponse],
  ['garbage', { body: Buffer.alloc(7, 0xff), trailers: ok }, noResponse],
  ['garbage in a frame', { body: frame(0xff, 0xff, 0xff), trailers: ok }, noResponse],
  ['a field that is cut off', { body: frame(0x08, 1, 0x12, 5), trailers: ok }, noResponse],
  ['another protocol', { type: 'text/html', body: Buffer.from('x') }, 'its response is not gRPC'],
  ['a status of HTTP', { status: 503, body: Buffer.from('x') }, 'it responded with status 503'],
];

for (const [what, response, expected] of responses) {
  t.test(`judges ${what}`, async (t) => {
    const { port } = await startServer(t, (stream) => respond(stream, response));
    t.equal(await check(`127.0.0.1:${port}`, port), expected);
  });
}

t.test('does not read a long response to its end', async (t) => {
  const { port } = await startServer(t, (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
    stream.write(Buffer.alloc(10_000));
  });
  t.equal(await check(`127.0.0.1:${port}`, port), noResponse);
});

t.test('fails where the stream or the connection breaks', async (t) => {
  const reset = await startServer(t, (stream) => stream.close(2));
  t.match(await check(`127.0.0.1:${reset.port}`, reset.port), /NGHTTP2_INTERNAL_ERROR/);
  const quiet = await startServer(t, (stream) => stream.close(0));
  t.match(await check(`127.0.0.1:${quiet.port}`, quiet.port), /without grpc-status/);
  const gone = await startServer(t, ({ session }) => session!.destroy());
  t.not(await check(`127.0.0.1:${gone.port}`, gone.port), 'good');
  const port = await findFreePort();
  t.match(await check(`127.0.0.1:${port}`, port), /^connect ECONNREFUSED/);
});

t.test('fails where the endpoint does not speak HTTP/2', async (t) => {
  for (const bytes of ['HTTP/1.1 400 Bad Request\r\n\r\n', 'SSH-2.0-OpenSSH_9.6\r\n', '']) {
    const server = createTcpServer((socket) => socket.end(bytes));
    const { port } = await listen(t, server);
    t.not(await check(`127.0.0.1:${port}`, port), 'good');
  }
});

t.test('waits for an endpoint that hangs until it is cancelled', async (t) => {
  const results: unknown[] = [];
  const silent = await listen(
    t,
    createTcpServer((socket) => void socket.resume()),
  );
  const slow = await startServer(t, () => {});
  const handshake = await listen(
    t,
    createTcpServer((socket) => void socket.resume()),
  );
  for (const { port, sockets } of [silent, slow, handshake]) {
    const protocol = port === handshake.port ? 'https:' : 'http:';
    const running = probeOf(port, { protocol })(`127.0.0.1:${port}`, (error) =>
      results.push(error),
    );
    await eventually('there is a connection', () => sockets.length === 1);
    running.cancel();
    await eventually('the connection is closed', () => sockets[0]!.destroyed);
  }
  t.same(results, []);
});

t.test('finds endpoints by address, by name and by the path of a socket', async (t) => {
  const { port } = await startServer(t, serving);
  t.equal(await check('catalog.internal', port), 'good');
  t.equal(await check(`catalog.internal:${port}`, 1), 'good');
  t.equal(await check('other.internal', port), 'getaddrinfo ENOTFOUND other.internal');
  t.match(await check(`[::1]:${await findFreePort()}`, port), /^connect E\w+ ::1/);

  const folder = mkdtempSync(join(tmpdir(), 'breakwater-grpc-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const socketPath = join(folder, 'x.sock');
  const server = createServer();
  serve(server, serving);
  await once(server.listen(socketPath), 'listening');
  t.teardown(() => void server.close());
  t.equal(await check(socketPath, 80, { host: 'localhost', socketPath }), 'good');
});

t.test('speaks TLS by the name of the target', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'breakwater-grpc-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const files = ['-keyout', 'key.pem', '-out', 'cert.pem'];
  const names = ['-subj', '/CN=catalog.internal', '-addext', 'subjectAltName=DNS:catalog.internal'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  execFileSync('openssl', ['req', '-x509', ...key, ...files, ...names], {
    cwd: folder,
    stdio: 'ignore',
  });
  const cert = readFileSync(join(folder, 'cert.pem'), 'utf8');
  const own = { cert, key: readFileSync(join(folder, 'key.pem'), 'utf8') };
  const server = createSecureServer(own);
  const serverNames: unknown[] = [];
  server.on('secureConnection', ({ servername }: { servername: unknown }) => {
    serverNames.push(servername);
  });
  serve(server, serving);
  const { port } = await listen(t, server);
  const ask = (tls?: Partial<TlsOptions>, host = 'catalog.internal') =>
    check(`127.0.0.1:${port}`, port, {
      protocol: 'https:',
      host,
      ...(tls && { tls: { insecureSkipVerify: false, ...tls } }),
    });
  t.equal(await ask({ ca: cert }), 'good');
  t.same(serverNames, ['catalog.internal']);
  t.match(await ask(), /self-signed certificate/);
  t.match(await ask({ ca: cert }, 'other.internal'), /other\.internal/);
  t.equal(await ask({ ca: cert, serverName: 'catalog.internal' }, 'other.internal'), 'good');
  t.equal(await ask({ insecureSkipVerify: true }, 'other.internal'), 'good');
  t.match(await ask({ cert: 'none', key: 'none' }), /PEM/, 'a certificate that cannot be used');

  const old = await listen(t, createTlsServer({ ...own, ALPNProtocols: ['http/1.1'] }));
  const error = await check(`127.0.0.1:${old.port}`, old.port, {
    protocol: 'https:',
    tls: { ca: cert, insecureSkipVerify: false },
  });
  t.match(error, /ALPN|no application protocol/i);
  const plain = await listen(t, createTlsServer(own));
  t.equal(
    await check(`127.0.0.1:${plain.port}`, plain.port, {
      protocol: 'https:',
      tls: { ca: cert, insecureSkipVerify: false },
    }),
    'it does not offer HTTP/2 (ALPN h2)',
  );
});
