/**
 * The sizes of the memory store bound the memory that is really used while responses are kept. Nothing forces a garbage
 * collection here, as nothing does in production: memory that waits for one counts too.
 */
import http from 'node:http';
import t, { type Test } from 'tap';
import { startProxy } from '../support/proxy-process.js';
import { eventually, findFreePort, send, startUpstream } from '../support/sidecar.js';

const MEBIBYTE = 1024 * 1024;
const MAX_BYTES = 16 * MEBIBYTE;
const AT_ONCE = 4;
const BODY = Buffer.alloc(MEBIBYTE, 'x');

/** Bytes of a response, and how many there are: together they fill the store many times. */
const fillings = [
  [1000, 1000],
  [10_000, 1200],
  [100_000, 200],
  [1_000_000, 40],
] as const;

interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers: http.OutgoingHttpHeaders;
}

const size = (bytes: number) => ({ 'X-Size': String(bytes) });

/** A response that `fallback` keeps under its path. */
const toKeep = (name: string, bytes: number): Request => ({
  method: 'GET',
  path: `/${name}`,
  headers: size(bytes),
});

/** A response that is kept as a record of its key. */
const toRecord = (name: string, bytes: number): Request => ({
  method: 'POST',
  path: '/',
  headers: { ...size(bytes), 'Idempotency-Key': name },
});

/** A proxy that keeps responses of the size that the request asks for. */
async function start(t: Test, ttl: string) {
  const upstream = await startUpstream(t, (request, response) => {
    request.resume();
    const bytes = Number(request.headers['x-size']);
    response.writeHead(200, { 'Content-Length': bytes }).end(BODY.subarray(0, bytes));
  });
  const [port, adminPort] = [await findFreePort(), await findFreePort()];
  startProxy(
    t,
    `admin: { listen: ${adminPort} }
stores: { kind: memory, maxBytes: 16MiB, maxRecordBytes: 16MiB }
defaults: { fallback: [{ cache: { ttl: ${ttl} } }], idempotency: { ttl: ${ttl} } }
upstreams:
  a: { listen: ${port}, target: "${upstream.url}", timeout: { total: off } }`,
  );
  const agent = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE });
  t.teardown(() => agent.destroy());
  await eventually('it is ready', () =>
    send(`http://127.0.0.1:${adminPort}/readyz`).then(
      ({ status }) => status === 200,
      () => false,
    ),
  );

  const sendOne = ({ method, path, headers }: Request) =>
    new Promise<number>((resolve, reject) => {
      const options = { host: '127.0.0.1', port, method, path, headers, agent };
      const request = http.request(options, (response) => {
        let bytes = 0;
        response.on('data', (chunk: Buffer) => (bytes += chunk.length));
        response.on('end', () => resolve(bytes));
        response.on('error', reject);
      });
      request.on('error', reject);
      request.end();
    });

  /** Sends `count` requests, some at once. @returns the bytes of all responses. */
  async function sendAll(count: number, requestOf: (i: number) => Request): Promise<number> {
    let next = 0;
    let bytes = 0;
    const client = async () => {
      while (next < count) {
        const received = await sendOne(requestOf(next++));
        bytes += received;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, client));
    return bytes;
  }

  /** External memory in bytes, as the metrics have it. */
  async function external(): Promise<number> {
    const { text } = await send(`http://127.0.0.1:${adminPort}/metrics`);
    return Number(/^nodejs_external_memory_bytes (\d+)/m.exec(text)![1]);
  }

  // Connections are open, and have the memory that they read into.
  await sendAll(200, () => ({ method: 'DELETE', path: '/', headers: size(100) }));
  return { sendAll, external };
}

const sizeOf = (i: number) => fillings[i % fillings.length]![0];

const mebibytes = (bytes: number) => `${(bytes / MEBIBYTE).toFixed(1)} MiB`;

for (const [what, request] of [
  ['responses of fallback', toKeep],
  ['records of idempotency keys', toRecord],
] as const) {
  t.test(`a store full of ${what} takes little more than its size`, async (t) => {
    const { sendAll, external } = await start(t, '1h');
    const before = await external();
    for (const [bytes, count] of fillings) {
      const sent = await sendAll(count, (i) => request(`${bytes}-${i}`, bytes));
      t.equal(sent, count * bytes);
      const grown = (await external()) - before;
      t.ok(grown <= 1.3 * MAX_BYTES, `${count} of ${bytes} bytes: ${mebibytes(grown)}`);
    }
  });
}

t.test('so does a store of both, with new values in the place of old and ended ones', async (t) => {
  const { sendAll, external } = await start(t, '500ms');
  const before = await external();
  const count = 400;
  const sent = await sendAll(count, (i) =>
    i % 2 === 0 ? toKeep(`${(i * 7919) % 150}`, sizeOf(i >> 1)) : toRecord(`${i}`, sizeOf(i >> 1)),
  );
  t.ok(sent > 4 * MAX_BYTES);
  const grown = (await external()) - before;
  t.ok(grown <= 1.3 * 2 * MAX_BYTES, mebibytes(grown));
});
