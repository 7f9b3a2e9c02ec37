import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { ask, connectHttp2 } from '../support/http2-client.js';
import { FrameClient, PREFACE, request, settings } from '../support/http2-frames.js';
import {
  eventually,
  send,
  sendRaw,
  startSidecar,
  startUpstream,
  type Teardown,
} from '../support/sidecar.js';

async function serve(t: Teardown, limits = '{}') {
  const upstream = await startUpstream(t, (request, response) => {
    request.resume();
    request.on('end', () => response.end(`${request.method} ${request.headers.via}`));
  });
  const sidecar = await startSidecar(
    t,
    `limits: ${limits}\nupstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  return { sidecar, port: sidecar.port('a') };
}

t.test('one port takes both protocols', async (t) => {
  const { sidecar } = await serve(t);
  t.equal((await send(sidecar.url('a'))).text, 'GET 1.1 breakwater');
  const session = connectHttp2(t, sidecar.url('a'));
  t.equal((await ask(session)).text, 'GET 2.0 breakwater');
  t.equal((await ask(session, { method: 'POST', body: 'x' })).text, 'POST 2.0 breakwater');
});

t.test('takes both on a Unix socket', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end('ok'));
  const path = join(tmpdir(), `breakwater-${process.pid}.sock`);
  await startSidecar(t, `upstreams: { a: { listen: "unix:${path}", target: "${upstream.url}" } }`);
  const session = http2.connect('http://localhost', { createConnection: () => net.connect(path) });
  t.teardown(() => session.destroy());
  t.equal((await ask(session)).text, 'ok');
  const socket = net.connect(path);
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await once(socket, 'close');
  t.match(text, /^HTTP\/1\.1 200 OK\r\n[^]*ok$/);
  t.equal(upstream.seen[0]!.headers['x-forwarded-for'], 'unknown');
});

/** One byte per packet, more or less. */
async function drip(socket: net.Socket, bytes: Buffer): Promise<void> {
  socket.setNoDelay();
  for (const byte of bytes) {
    socket.write(Buffer.from([byte]));
    await new Promise((resolve) => void setTimeout(resolve, 1));
  }
}

t.test('knows both protocols byte by byte', async (t) => {
  const { port } = await serve(t);
  const first = net.connect(port, '127.0.0.1');
  let text = '';
  first.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await drip(first, Buffer.from('PUT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'));
  await eventually('it is served', () => text.endsWith('PUT 1.1 breakwater'));
  const second = net.connect(port, '127.0.0.1');
  let received = Buffer.alloc(0);
  second.on('data', (chunk: Buffer) => (received = Buffer.concat([received, chunk])));
  await drip(second, Buffer.concat([PREFACE, settings(), request(1)]));
  await eventually('it is served', () => received.includes('GET 2.0 breakwater'));
  second.destroy();
});

t.test('takes what follows in the same packet, in both protocols', async (t) => {
  const { port } = await serve(t);
  const text = await sendRaw(
    port,
    'GET / HTTP/1.1\r\nHost: a\r\n\r\nHEAD / HTTP/1.1\r\nHost: a\r\n\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: close\r\n\r\nxy',
  );
  t.equal(text.match(/HTTP\/1\.1 200 OK/g)?.length, 3);
  t.match(text, /POST 1\.1 breakwater$/);
  const client = new FrameClient(port, {
    first: Buffer.concat([settings(), request(1), request(3)]),
  });
  await Promise.all([client.until('HEADERS', 1), client.until('HEADERS', 3)]);
  client.socket.destroy();
});

t.test('a method that begins as the preface does is HTTP/1.1', async (t) => {
  const { port } = await serve(t);
  for (const method of ['POST', 'PUT', 'PATCH', 'PROPFIND']) {
    const head = `${method} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
    t.match(await sendRaw(port, head), new RegExp(`${method} 1\\.1 breakwater$`));
  }
});

for (const bytes of ['', 'PRI * HTTP/2.0\r\n']) {
  t.test(`refuses a client that stops after ${bytes.length} bytes with 408`, async (t) => {
    const { port, sidecar } = await serve(t, '{ headerTimeout: 200ms }');
    const startedMs = Date.now();
    t.match(await sendRaw(port, bytes), /^HTTP\/1\.1 408 /);
    t.ok(Date.now() - startedMs >= 190);
    t.equal(await sidecar.metric('breakwater_refused_requests_total', { status: '408' }), 1);
  });
}

t.test('a client that ends before it says anything is let go', async (t) => {
  const { port } = await serve(t);
  const client = net.connect(port, '127.0.0.1');
  client.resume();
  client.write('PRI * ');
  client.end();
  await once(client, 'close');
});

t.test('counts connections of both protocols against maxConnections', async (t) => {
  const { sidecar, port } = await serve(t, '{ maxConnections: 1 }');
  const session = connectHttp2(t, sidecar.url('a'));
  await ask(session);
  t.equal(await sendRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'), '');
  session.close();
  await eventually('there is room again', async () =>
    (await sendRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).endsWith('er'),
  );
});

for (const framing of ['Content-Length: 30000000', 'Transfer-Encoding: chunked']) {
  t.test(`an upload that waits in the queue stops its client, with ${framing}`, async (t) => {
    const upstream = await startUpstream(t, () => {});
    const sidecar = await startSidecar(
      t,
      `upstreams: { a: { listen: 0, target: "${upstream.url}", bulkhead: { maxConcurrent: 1, queueTimeout: 30s } } }`,
    );
    const session = connectHttp2(t, sidecar.url('a'));
    session.request({ ':path': '/' }).on('error', () => {});
    await eventually('the slot is taken', () => upstream.seen.length === 1);
    const client = net.connect(sidecar.port('a'), '127.0.0.1');
    t.teardown(() => client.destroy());
    // Far more than fits into the buffers of the system.
    const chunk = `1c9c380\r\n${'x'.repeat(30_000_000)}`;
    client.write(`POST / HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n${chunk}`);
    await new Promise((resolve) => void setTimeout(resolve, 500));
    t.ok(client.writableLength > 0, 'the client cannot send all of it');
    t.equal(upstream.seen.length, 1);
  });
}

t.test('ignores an upgrade to h2c', async (t) => {
  const { port } = await serve(t);
  const text = await sendRaw(
    port,
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
  );
  t.equal(text.match(/HTTP\/1\.1 200 OK/g)?.length, 2);
});
