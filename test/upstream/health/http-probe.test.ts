import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import t from 'tap';
import {
  NOT_CONNECTED,
  type HttpClient,
  type ResponseHandler,
} from '../../../src/outbound/client.js';
import { ConnectionPool } from '../../../src/outbound/http1/connection-pool.js';
import { createHttpProbe } from '../../../src/upstream/health/http-probe.js';
import { FakeClock } from '../../support/fake-clock.js';
import { poolContext, poolOptions } from '../../support/pool-options.js';
import { eventually, findFreePort, type Teardown } from '../../support/sidecar.js';

const statuses = [200, 204];

const probeOf = (port: number, open?: () => HttpClient) =>
  createHttpProbe({
    path: '/healthz?deep=1',
    statuses,
    authority: 'catalog.internal:8080',
    open: open ?? (() => new ConnectionPool(poolOptions(port), poolContext(new FakeClock()))),
  });

/** An endpoint that sends `respond`'s bytes after a request, or what it likes. */
async function startEndpoint(t: Teardown, respond: (socket: Socket) => void) {
  const sockets: Socket[] = [];
  let received = '';
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      if (received.endsWith('\r\n\r\n')) respond(socket);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { port, sockets, received: () => received };
}

/** @returns the error, or `good`. */
function check(port: number): Promise<string> {
  return new Promise((resolve) => {
    probeOf(port)(`127.0.0.1:${port}`, (error = 'good') => resolve(error));
  });
}

t.test('asks for the path, by the name of the target', async (t) => {
  const { port, received, sockets } = await startEndpoint(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });
  t.equal(await check(port), 'good');
  const [line, ...fields] = received().trimEnd().split('\r\n');
  t.equal(line, 'GET /healthz?deep=1 HTTP/1.1');
  t.ok(fields.includes('Host: catalog.internal:8080'), received());
  t.ok(fields.includes('User-Agent: breakwater-health-check'));
  await eventually('the connection is closed', () => sockets[0]!.destroyed);
  t.equal(await check(port), 'good');
  t.equal(sockets.length, 2, 'each check has a connection of its own');
});

for (const [what, bytes, expected] of [
  ['another good status', 'HTTP/1.1 204 No Content\r\n\r\n', 'good'],
  [
    'a body in chunks',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    'good',
  ],
  [
    'an informational response before it',
    'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    'good',
  ],
  [
    'another status',
    'HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n',
    'it responded with status 503',
  ],
  [
    'a redirection',
    'HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n',
    'it responded with status 302',
  ],
  ['garbage', 'SSH-2.0-OpenSSH_9.6\r\n', /HTTP|Expected/],
] as const) {
  t.test(`judges ${what}`, async (t) => {
    const { port } = await startEndpoint(t, (socket) => void socket.write(bytes));
    t.match(await check(port), expected);
  });
}

t.test('fails where the connection closes too early', async (t) => {
  const silent = await startEndpoint(t, (socket) => void socket.end());
  t.match(await check(silent.port), /closed|ended|hang|socket/i);
  const part = await startEndpoint(t, (socket) => {
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart');
  });
  t.not(await check(part.port), 'good');
  const reset = await startEndpoint(t, (socket) => void socket.resetAndDestroy());
  t.match(await check(reset.port), /ECONNRESET/);
});

t.test('fails where nothing listens', async (t) => {
  t.match(await check(await findFreePort()), /^connect ECONNREFUSED 127\.0\.0\.1/);
});

t.test('waits for an endpoint that hangs until it is cancelled', async (t) => {
  const { port, sockets, received } = await startEndpoint(t, (socket) => {
    // The head is not the whole response.
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart');
  });
  const results: (string | undefined)[] = [];
  const running = probeOf(port)(`127.0.0.1:${port}`, (error) => results.push(error));
  await eventually('the request is there', () => received() !== '');
  running.cancel();
  await eventually('the connection is closed', () => sockets[0]!.destroyed);
  t.same(results, []);
});

/** A client of which every request fails. */
const failing = (error: Error): HttpClient => ({
  dispatch: (_, handler: ResponseHandler) => handler.onFailure(error, NOT_CONNECTED),
  release() {},
  destroy() {},
});

t.test('says where this process, and not the endpoint, lacks something', async (t) => {
  const results: unknown[][] = [];
  const lacking = Object.assign(new Error('connect EMFILE'), { code: 'EMFILE' });
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  for (const error of [lacking, new AggregateError([lacking, refused])])
    probeOf(1, () => failing(error))('a', (...result) => results.push(result));
  t.same(results, [
    ['connect EMFILE', true],
    ['connect ECONNREFUSED', false],
  ]);
});
