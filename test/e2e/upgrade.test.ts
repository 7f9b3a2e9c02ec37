import { once } from 'node:events';
import net from 'node:net';
import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import {
  eventually,
  sendRaw,
  startRawUpstream,
  startSidecar,
  startUpstream,
  type Teardown,
} from '../support/sidecar.js';

async function startEcho(t: Teardown) {
  const upstream = await startUpstream(t, (_request, response) => response.end());
  const sockets = new WebSocketServer({
    server: upstream.server,
    handleProtocols: (protocols) => [...protocols][1] ?? false,
    perMessageDeflate: true,
  });
  sockets.on('connection', (socket, request) => {
    upstream.seen.push(request);
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  t.teardown(() => {
    for (const socket of sockets.clients) socket.terminate();
  });
  return upstream;
}

const ASK = 'GET /u HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';
const ASK_LAST = ASK.replace('Connection: Upgrade', 'Connection: Upgrade, close');

t.test('carries a WebSocket with its fields, subprotocol and extensions', async (t) => {
  const upstream = await startEcho(t);
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const socket = new WebSocket(`ws://127.0.0.1:${sidecar.port('a')}/chat?x=1`, ['one', 'two'], {
    headers: { Authorization: 'Bearer t', 'X-Deadline': '4000000000' },
  });
  await once(socket, 'open');
  t.equal(socket.protocol, 'two');
  t.match(socket.extensions, /permessage-deflate/);
  const request = upstream.seen[0]!;
  t.equal(request.url, '/chat?x=1');
  t.equal(request.headers.authorization, 'Bearer t');
  t.match(request.headers.via, /breakwater/);

  const large = Buffer.alloc(3_000_000, 'binary');
  socket.send(large);
  const [echoed] = (await once(socket, 'message')) as [Buffer];
  t.ok(echoed.equals(large));

  socket.send('frag', { fin: false });
  socket.send('mented', { fin: true });
  const [text] = (await once(socket, 'message')) as [Buffer];
  t.equal(text.toString(), 'fragmented');

  t.equal(await sidecar.metric('breakwater_tunnels', { upstream: 'a' }), 1);
  t.equal(await sidecar.metric('breakwater_bulkhead_active'), 0, 'a tunnel holds no slot');
  socket.close(1000, 'bye');
  await once(socket, 'close');
  await eventually(
    'the tunnel is gone',
    async () => (await sidecar.metric('breakwater_tunnels')) === 0,
  );
  t.equal(await sidecar.metric('breakwater_requests_total', { upstream: 'a', status: '2xx' }), 1);
});

t.test('passes a refusal on as plain HTTP', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end());
  upstream.server.on('upgrade', (_request, socket) => {
    socket.end(
      'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 2\r\n\r\nno',
    );
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const received = await sendRaw(sidecar.port('a'), ASK_LAST);
  t.match(received, /^HTTP\/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\n/);
  t.match(received, /\r\n\r\nno$/);
});

t.test('refuses under the same policies, before any 101', async (t) => {
  const sidecar = await startSidecar(
    t,
    'upstreams: { a: { listen: 0, target: "http://127.0.0.1:1", retry: off, circuitBreaker: { failureThreshold: 1 } } }',
  );
  t.match(await sendRaw(sidecar.port('a'), ASK_LAST), /^HTTP\/1.1 502 [^]*connect-failed/);
  t.match(await sendRaw(sidecar.port('a'), ASK_LAST), /^HTTP\/1.1 503 [^]*circuit-open/);
});

t.test("keeps early bytes, half-close and the upstream's last words", async (t) => {
  const upstream = await startRawUpstream(t, (socket) => {
    let isOpen = false;
    let heard = '';
    socket.on('data', (data) => {
      if (isOpen) {
        heard += data.toString();
        return;
      }
      isOpen = true;
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello',
      );
    });
    // Responds only after the client has ended its side.
    socket.on('end', () => socket.end(`heard ${heard}`));
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const socket = net.connect({ port: sidecar.port('a'), host: '127.0.0.1', allowHalfOpen: true });
  let seen = '';
  socket.on('data', (data) => (seen += data.toString()));
  socket.write(`${ASK}early`);
  await eventually('it is open', () => seen.includes('hello'));
  socket.end('late');
  await once(socket, 'close');
  t.match(seen, /heard earlylate$/);
});

t.test('comes after large responses to the requests before it', async (t) => {
  const body = 'x'.repeat(8_000_000);
  const upstream = await startRawUpstream(t, (socket) => {
    socket.on('data', (data) => {
      if (data.toString().startsWith('GET /u'))
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n',
        );
      else socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    });
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const socket = net.connect(sidecar.port('a'), '127.0.0.1');
  t.teardown(() => socket.destroy());
  const get = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
  socket.write(`${get}${get}${ASK}`);
  socket.pause();
  await setTimeout(100);
  let bytes = 0;
  let last = '';
  socket.on('data', (chunk) => {
    bytes += chunk.length;
    last = chunk.toString();
  });
  socket.resume();
  await eventually('the tunnel is open', () => last.includes('HTTP/1.1 101 '));
  t.ok(bytes > 2 * body.length);
});

t.test('does not pass h2c on', async (t) => {
  const upstream = await startUpstream(t, (request, response) =>
    response.end(request.headers.upgrade ?? 'none'),
  );
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const received = await sendRaw(
    sidecar.port('a'),
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n',
  );
  t.match(received, /^HTTP\/1.1 200 OK[^]*none$/);
  t.equal(upstream.seen[0]!.headers['http2-settings'], undefined);
});

t.test(
  'ends a tunnel that is silent for timeout.stream, and all of them at the end of grace',
  async (t) => {
    const upstream = await startEcho(t);
    const sidecar = await startSidecar(
      t,
      `shutdown: { grace: 100ms }
upstreams:
  short: { listen: 0, target: "${upstream.url}", timeout: { stream: 100ms } }
  long: { listen: 0, target: "${upstream.url}" }`,
    );
    const tunnels = (name: string) => sidecar.metric('breakwater_tunnels', { upstream: name });
    const open = new WebSocket(`ws://127.0.0.1:${sidecar.port('long')}/`);
    await once(open, 'open');
    const silent = new WebSocket(`ws://127.0.0.1:${sidecar.port('short')}/`);
    await once(silent, 'open');
    await eventually('the silent one is cut', () => silent.readyState === WebSocket.CLOSED);
    await eventually('its tunnel is gone', async () => (await tunnels('short')) === 0);
    t.equal(await tunnels('long'), 1, 'the other one was silent for longer');
    t.equal(open.readyState, WebSocket.OPEN);
    await sidecar.stop();
    await eventually('the other is cut', () => open.readyState === WebSocket.CLOSED);
  },
);

t.test('goes on where a reload sends new calls elsewhere', async (t) => {
  const [before, after] = await Promise.all([startEcho(t), startEcho(t)]);
  const file = 'server: { listen: 0 }\nupstreams: { a: { prefix: /a, target: TARGET } }';
  const sidecar = await startSidecar(t, file.replace('TARGET', before.url));
  const socket = new WebSocket(`ws://127.0.0.1:${sidecar.port('server')}/a`);
  await once(socket, 'open');
  sidecar.edit(file.replace('TARGET', after.url));
  t.match(await sidecar.reload(), { changes: { changed: ['upstreams.a.target'] } });
  socket.send('still here');
  const [echoed] = (await once(socket, 'message')) as [Buffer];
  t.equal(echoed.toString(), 'still here');
  const next = new WebSocket(`ws://127.0.0.1:${sidecar.port('server')}/a`);
  await once(next, 'open');
  t.equal(after.seen.length, 1);
  t.equal(await sidecar.metric('breakwater_tunnels', { upstream: 'a' }), 2);
  socket.terminate();
  next.terminate();
});

t.test('has the grace time when its listener ends, with content or without', async (t) => {
  const upstream = await startRawUpstream(t, (socket) => {
    let isOpen = false;
    socket.on('data', (data) => {
      if (isOpen) socket.write(data);
      else
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n',
        );
      isOpen = true;
    });
  });
  const withContent = ASK.replace('GET', 'POST').replace(/\r\n$/, 'Content-Length: 2\r\n\r\nab');
  const foreign = ASK.replace('GET', 'LINK');
  for (const end of ['reload', 'stop'] as const) {
    const sidecar = await startSidecar(
      t,
      `server: { listen: 0 }
upstreams: { a: { listen: 0, prefix: /a, target: "${upstream.url}" } }`,
    );
    const tunnels = [ASK, withContent, foreign].map((ask) => {
      const socket = net.connect(sidecar.port('a'), '127.0.0.1');
      t.teardown(() => socket.destroy());
      let seen = '';
      socket.on('data', (data) => (seen += data.toString()));
      socket.write(ask);
      return { socket, seen: () => seen };
    });
    for (const { seen } of tunnels) {
      await eventually('it is open', () => seen().startsWith('HTTP/1.1 101 '));
    }
    if (end === 'stop') void sidecar.stop();
    else {
      sidecar.edit(
        `server: { listen: 0 }\nupstreams: { a: { prefix: /a, target: "${upstream.url}" } }`,
      );
      await sidecar.reload();
    }
    // Idle connections are closed after 250 ms.
    await setTimeout(700);
    for (const { socket, seen } of tunnels) {
      socket.write(`after the ${end}`);
      await eventually('it is carried', () => seen().endsWith(`after the ${end}`));
    }
  }
});

t.test('cancels the upstream call when the client leaves before the 101', async (t) => {
  let closed = false;
  const upstream = await startRawUpstream(t, (socket) => {
    socket.resume();
    socket.on('close', () => (closed = true));
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const socket = net.connect(sidecar.port('a'), '127.0.0.1');
  socket.write(ASK);
  await eventually(
    'it is under way',
    async () => (await sidecar.metric('breakwater_bulkhead_active')) === 1,
  );
  socket.end();
  await eventually('the upstream call is cancelled', () => closed);
  await eventually(
    'it is counted',
    async () => (await sidecar.metric('breakwater_requests_total', { status: '499' })) === 1,
  );
});
