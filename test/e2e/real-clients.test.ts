import { once } from 'node:events';
import net from 'node:net';
import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import {
  eventually,
  sendRaw,
  startRawUpstream,
  startSidecar,
  startUpstream,
  type Teardown,
} from '../support/sidecar.js';

const serve = async (t: Teardown, target: string) =>
  (await startSidecar(t, `upstreams: { a: { listen: 0, target: "${target}" } }`)).port('a');

const H2C = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n';
const ok = (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const count = (text: string) => text.match(/HTTP\/1\.1 200/g)?.length;

t.test('serves a client that offers h2c with every POST on one connection', async (t) => {
  const upstream = await startUpstream(t, (request, response) => request.pipe(response));
  const port = await serve(t, upstream.url);
  const socket = net.connect(port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  let seen = '';
  socket.on('data', (data) => (seen += data.toString()));
  for (let i = 1; i <= 50; i++) {
    socket.write(`POST / HTTP/1.1\r\n${H2C}Host: a\r\nContent-Length: 5\r\n\r\nhello`);
    await eventually('the response is here', () => seen.split('hello').length === i + 1);
  }
  t.equal(count(seen), 50);
  t.equal(upstream.seen[0]!.headers.upgrade, undefined);
});

t.test('takes the content of an offer of h2c in parts, large and small', async (t) => {
  const upstream = await startUpstream(t, (request, response) => {
    let bytes = 0;
    request.on('data', (chunk: Buffer) => (bytes += chunk.length));
    request.on('end', () => response.end(`<${bytes}>`));
  });
  const socket = net.connect(await serve(t, upstream.url), '127.0.0.1');
  t.teardown(() => socket.destroy());
  let seen = '';
  socket.on('data', (data) => (seen += data.toString()));
  for (const size of [2, 3_000_000, 5, 400_000]) {
    seen = '';
    const before = upstream.seen.length;
    socket.write(`POST / HTTP/1.1\r\n${H2C}Host: a\r\nContent-Length: ${size}\r\n\r\n`);
    await eventually('the head is here', () => upstream.seen.length > before);
    socket.write('x'.repeat(size - 1));
    await setTimeout(20);
    // The next request comes in one packet with the last byte.
    socket.write('yGET /next HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually('both responses are here', () => seen.endsWith('<0>'));
    t.match(seen, `<${size}>`);
  }
});

t.test('outlives a client that resets within the content of an upgrade', async (t) => {
  const upstream = await startUpstream(t, (request, response) => request.pipe(response));
  const port = await serve(t, upstream.url);
  for (const fields of [H2C, 'Connection: Upgrade\r\nUpgrade: echo\r\n']) {
    for (const content of ['', 'ab', 'abcd']) {
      const before = upstream.seen.length;
      const socket = net.connect(port, '127.0.0.1');
      socket.write(`POST / HTTP/1.1\r\n${fields}Host: a\r\nContent-Length: 4\r\n\r\n`);
      await eventually('the head is here', () => upstream.seen.length > before);
      if (content !== '') socket.write(content);
      await setTimeout(20);
      socket.resetAndDestroy();
    }
  }
  t.match(
    await sendRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'),
    /^HTTP\/1\.1 200 /,
  );
});

t.test('lets an upgrade be slow on a connection that idles briefly', async (t) => {
  const upstream = await startUpstream(t, (request, response) => request.pipe(response));
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }\nlimits: { keepAlive: 50ms }`,
  );
  const socket = net.connect(sidecar.port('a'), '127.0.0.1');
  t.teardown(() => socket.destroy());
  let seen = '';
  socket.on('data', (data) => (seen += data.toString()));
  const ask = `POST /2 HTTP/1.1\r\n${H2C}Host: a\r\nContent-Length: 4\r\n\r\n`;
  socket.write(`GET /1 HTTP/1.1\r\nHost: a\r\n\r\n${ask}ab`);
  await eventually('the second one runs', () => upstream.seen.length === 2);
  // Some versions of Node add a second to the time of an idle connection.
  await setTimeout(1500);
  socket.write('cd');
  await eventually('both responses are here', () => count(seen) === 2 && seen.includes('cd'));
});

t.test('closes the connection of a client that never sends the rest of the content', async (t) => {
  const upstream = await startRawUpstream(t, (socket) => {
    socket.once('data', () => socket.write(ok('early')));
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }\nlimits: { keepAlive: 50ms }`,
  );
  const socket = net.connect(sidecar.port('a'), '127.0.0.1');
  let seen = '';
  socket.on('data', (data) => (seen += data.toString()));
  socket.write(`POST / HTTP/1.1\r\n${H2C}Host: a\r\nContent-Length: 4\r\n\r\nab`);
  await once(socket, 'close');
  t.match(seen, /early$/);
});

t.test('sends a long response although an upgrade waits behind it', async (t) => {
  const body = 'x'.repeat(3_000_000);
  const upstream = await startUpstream(t, (request, response) =>
    response.end(request.url === '/long' ? body : 'ok'),
  );
  const received = await sendRaw(
    await serve(t, upstream.url),
    `GET /long HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n${H2C.replace('Upgrade,', 'Upgrade, close,')}\r\n`,
  );
  t.ok(received.includes(body));
  t.match(received.slice(-2), 'ok');
});

t.test('sends the content of an upgrade first, then joins both sides', async (t) => {
  let heard = '';
  const upstream = await startRawUpstream(t, (socket) => {
    socket.on('data', (data) => {
      heard += data.toString();
      if (heard.endsWith('\r\n\r\nhello')) {
        socket.write('HTTP/1.1 101 OK\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      } else if (heard.endsWith('ping')) socket.end('pong');
    });
  });
  const socket = net.connect(await serve(t, upstream.url), '127.0.0.1');
  let seen = '';
  socket.on('data', (data) => (seen += data.toString()));
  socket.write(
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\nContent-Length: 5\r\n\r\nhello',
  );
  await eventually('it is open', () => seen.includes('101'));
  socket.write('ping');
  await once(socket, 'close');
  t.match(heard, /\r\nUpgrade: echo\r\n/);
  t.match(seen, /pong$/);
});

t.test('keeps a connection on which a method was used that Node does not know', async (t) => {
  const body = `${'x'.repeat(1_000_000)}END`;
  const seen: string[] = [];
  const upstream = await startRawUpstream(t, (socket) => {
    socket.on('data', (data) => {
      seen.push(data.toString().split(' ', 1)[0]!);
      socket.write(ok(body));
    });
  });
  const socket = net.connect(await serve(t, upstream.url), '127.0.0.1');
  let bytes = 0;
  let end = '';
  socket.on('data', (data) => {
    bytes += data.length;
    end = (end + data.subarray(-3).toString()).slice(-3);
  });
  const methods = ['BAN', 'GET', 'LIST', 'REPORTS'];
  for (const [i, method] of methods.entries()) {
    const last = i === methods.length - 1 ? 'Connection: close\r\n' : '';
    socket.write(`${method} / HTTP/1.1\r\nHost: a\r\n${last}\r\n`);
    // To its last byte: a request before that is pipelined, which is another case.
    await eventually('the response is here', () => bytes > (i + 1) * body.length && end === 'END');
  }
  if (!socket.closed) await once(socket, 'close');
  t.same(seen, methods);
});
