import { once } from 'node:events';
import net from 'node:net';
import t from 'tap';
import { eventually, send, sendRaw, startSidecar, startUpstream } from '../support/sidecar.js';

t.test('responds 413 to a body over maxRequestBody, announced or not', async (t) => {
  const upstream = await startUpstream(t, (request, response) => void request.pipe(response));
  const sidecar = await startSidecar(
    t,
    `limits: { maxRequestBody: 1KiB }
upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const url = `${sidecar.url('a')}/`;
  t.equal((await send(url, { method: 'POST', body: Buffer.alloc(1024) })).status, 200);
  const announced = await send(url, { method: 'POST', body: Buffer.alloc(1025) });
  t.equal(announced.status, 413);
  t.equal(announced.headers['x-breakwater-reason'], 'request-too-large');
  t.equal(upstream.seen.length, 1, 'the upstream is not called');
  const size = (2000).toString(16);
  const chunked = await sendRaw(
    sidecar.port('a'),
    `POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n${size}\r\n${'x'.repeat(2000)}\r\n0\r\n\r\n`,
  );
  t.match(chunked, /^HTTP\/1.1 413 /);
});

t.test('responds 408 to a head or a body that stalls, while others are served', async (t) => {
  const upstream = await startUpstream(t, (request, response) => {
    request.resume();
    request.on('end', () => response.end('ok'));
  });
  const sidecar = await startSidecar(
    t,
    `limits: { headerTimeout: 200ms, bodyIdle: 200ms }
upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const port = sidecar.port('a');
  const head = sendRaw(port, 'GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ');
  const body = sendRaw(port, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf');
  t.equal((await send(`${sidecar.url('a')}/`)).text, 'ok');
  t.match(await head, /^HTTP\/1.1 408 /);
  t.match(await body, /^HTTP\/1.1 408 /);
  t.equal(await sidecar.metric('breakwater_bulkhead_active'), 0);
  t.match(await sidecar.json('/circuits'), { circuits: [{ consecutiveFailures: 0 }] });
});

t.test('takes no more connections than maxConnections', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end('ok'));
  const sidecar = await startSidecar(
    t,
    `limits: { maxConnections: 2 }
upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const port = sidecar.port('a');
  const idle = [net.connect(port, '127.0.0.1'), net.connect(port, '127.0.0.1')] as const;
  t.teardown(() => idle.forEach((socket) => socket.destroy()));
  await Promise.all(idle.map((socket) => once(socket, 'connect')));
  const ask = () => sendRaw(port, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  t.equal(await ask(), '', 'a third is closed without a word');
  t.equal(upstream.seen.length, 0);
  idle[0].destroy();
  await eventually('there is room again', async () => (await ask()).endsWith('ok'));
  t.equal(upstream.seen.length, 1);
});

t.test('closes an idle connection after keepAlive', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end('ok'));
  const sidecar = await startSidecar(
    t,
    `limits: { keepAlive: 200ms }
upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const received = await sendRaw(sidecar.port('a'), 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  t.match(received, /^HTTP\/1.1 200 OK\r\n[^]*\r\n\r\nok$/);
  t.notMatch(received, /connection: close/i, 'it was kept at first');
});

t.test('lets a client read the response that comes before its upload has ended', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => {
    response.writeHead(403, { 'Content-Length': '2' });
    response.end('no');
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const socket = net.connect({ port: sidecar.port('a'), host: '127.0.0.1', allowHalfOpen: true });
  let seen = '';
  let error: unknown;
  socket.on('data', (data) => (seen += data.toString()));
  socket.on('error', (cause) => (error = cause));
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50000000\r\n\r\n');
  // Goes on sending although the response has come, as simple clients do.
  for (let i = 0; i < 50 && !socket.destroyed; i++) {
    socket.write(Buffer.alloc(65_536));
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
  t.match(seen, /^HTTP\/1.1 403 [^]*Connection: close[^]*no$/i);
  t.equal(error, undefined, 'no reset took the response away');
  socket.destroy();
});
