import { constants } from 'node:http2';
import type net from 'node:net';
import t from 'tap';
import { ask, connectHttp2 } from '../support/http2-client.js';
import {
  eventually,
  findFreePort,
  startRawUpstream,
  startSidecar,
  startUpstream,
  type TestSidecar,
} from '../support/sidecar.js';

const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR } = constants;

const connect = (t: Parameters<typeof connectHttp2>[0], sidecar: TestSidecar) =>
  connectHttp2(t, sidecar.url('a'));

t.test('forwards requests and responses whole: fields, bodies and trailers', async (t) => {
  let trailers: unknown;
  const upstream = await startUpstream(t, (request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      trailers = request.trailers;
      response.writeHead(201, 'Made', [
        'Trailer',
        'X-Sum',
        'Set-Cookie',
        'a=1',
        'Set-Cookie',
        'b=2',
        'X-Latin',
        '\xe9',
        'Keep-Alive',
        'x',
      ]);
      response.addTrailers({ 'X-Sum': '1' });
      response.end(body.toUpperCase());
    });
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const session = connect(t, sidecar);
  const received = await ask(session, {
    method: 'POST',
    path: '/a%2Fb?c',
    headers: { te: 'trailers', cookie: ['x=1', 'y=2'], 'x-latin': '\xe9' },
    body: 'text',
    trailers: { 'x-sent': '2' },
  });
  t.match(received, { status: 201, text: 'TEXT', code: 0, trailers: { 'x-sum': '1' } });
  t.match(received.headers, {
    'set-cookie': ['a=1', 'b=2'],
    'x-latin': '\xe9',
    'keep-alive': undefined,
  });
  t.ok(received.headers.date);
  const { url, headers } = upstream.seen[0]!;
  t.equal(url, '/a%2Fb?c');
  t.match(headers, {
    cookie: 'x=1; y=2',
    'x-latin': '\xe9',
    te: 'trailers',
    via: '2.0 breakwater',
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-host': `127.0.0.1:${sidecar.port('a')}`,
  });
  t.match(trailers, { 'x-sent': '2' });
});

t.test('a HEAD, a 204 and a 304 have no body, and keep their fields', async (t) => {
  const upstream = await startUpstream(t, (request, response) => {
    if (request.method === 'HEAD') response.setHeader('Content-Length', '10');
    else response.statusCode = Number(request.url!.slice(1));
    response.end();
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const session = connect(t, sidecar);
  t.match(await ask(session, { method: 'HEAD' }), {
    status: 200,
    text: '',
    code: 0,
    headers: { 'content-length': '10' },
  });
  t.match(await ask(session, { path: '/204' }), { status: 204, text: '', code: 0 });
  t.match(await ask(session, { path: '/304' }), { status: 304, text: '', code: 0 });
});

t.test('policies act on each stream: bulkhead, retry, circuit, timeout and fallback', async (t) => {
  const held: (() => void)[] = [];
  let failures = 0;
  const upstream = await startUpstream(t, (request, response) => {
    if (request.url === '/held') return void held.push(() => response.end('held'));
    if (request.url === '/hang') return;
    if (request.url === '/flaky' && failures++ < 2) response.statusCode = 503;
    response.end('ok');
  });
  const sidecar = await startSidecar(
    t,
    `upstreams:
  a:
    listen: 0
    target: "${upstream.url}"
    bulkhead: { maxConcurrent: 2, maxQueue: 0 }
    timeout: { attempt: 300ms }
    retry: { backoff: { baseDelay: 1ms, jitter: none } }
    routes:
      - { name: held, match: { path: /held }, timeout: { attempt: 10s } }
      - { name: hang, match: { path: /hang }, retry: off }
`,
  );
  const session = connect(t, sidecar);
  const first = ask(session, { path: '/held' });
  const second = ask(session, { path: '/held' });
  await eventually('both are upstream', () => held.length === 2);
  const refused = await ask(session);
  t.match(refused, { status: 503, headers: { 'x-breakwater-reason': 'bulkhead-full' } });
  t.match(JSON.parse(refused.text), { type: 'urn:breakwater:bulkhead-full' });
  for (const end of held) end();
  t.match(await Promise.all([first, second]), [{ text: 'held' }, { text: 'held' }]);
  const retried = await ask(session, { path: '/flaky' });
  t.match(retried, { status: 200, headers: { 'x-breakwater-attempts': '3' } });
  const late = await ask(session, { path: '/hang' });
  t.match(late, { status: 504, headers: { 'x-breakwater-reason': 'timeout-attempt' } });
  t.equal(await sidecar.metric('breakwater_requests_total'), 5);
  t.equal(await sidecar.metric('breakwater_bulkhead_active'), 0);
});

t.test('repeats a body that came by a stream', async (t) => {
  const bodies: string[] = [];
  const upstream = await startUpstream(t, (request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      bodies.push(body);
      response.statusCode = bodies.length < 2 ? 503 : 200;
      response.end();
    });
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}", retry: { backoff: { baseDelay: 1ms, jitter: none } } } }`,
  );
  const session = connect(t, sidecar);
  const body = 'y'.repeat(50_000);
  t.equal((await ask(session, { method: 'PUT', body })).status, 200);
  t.same(bodies, [body, body]);
});

t.test('an upstream that breaks in mid-body becomes RST_STREAM INTERNAL_ERROR', async (t) => {
  const upstream = await startRawUpstream(t, (socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart', () => {
        setTimeout(() => socket.destroy(), 50);
      });
    });
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const session = connect(t, sidecar);
  const [cut, other] = await Promise.all([ask(session), ask(session)]);
  t.match(cut, { status: 200, text: 'part', code: NGHTTP2_INTERNAL_ERROR });
  t.match(other, { code: NGHTTP2_INTERNAL_ERROR });
  t.equal(session.destroyed, false, 'the connection stays');
});

t.test('a stream that the client resets cancels its call, and no other', async (t) => {
  const sockets = new Set<net.Socket>();
  const upstream = await startRawUpstream(t, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.resume();
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}", timeout: off } }`,
  );
  const session = connect(t, sidecar);
  const streams = [session.request({ ':path': '/1' }), session.request({ ':path': '/2' })] as const;
  for (const stream of streams) stream.on('error', () => {});
  await eventually('both are upstream', () => sockets.size === 2);
  streams[0].close(NGHTTP2_CANCEL);
  await eventually('one is cancelled', () => sockets.size === 1);
  await eventually(
    'it is counted',
    async () => (await sidecar.metric('breakwater_requests_total', { status: '499' })) === 1,
  );
  t.equal(await sidecar.metric('breakwater_bulkhead_active'), 1);
  session.destroy();
  await eventually('the other goes with the connection', () => sockets.size === 0);
});

t.test('holds streams to the limits of bodies: 408 and 413', async (t) => {
  const upstream = await startUpstream(t, (request, response) => {
    request.resume();
    request.on('end', () => response.end('ok'));
  });
  const sidecar = await startSidecar(
    t,
    `limits: { bodyIdle: 200ms, maxRequestBody: 1KiB }
upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const session = connect(t, sidecar);
  const large = await ask(session, { method: 'POST', body: Buffer.alloc(1025) });
  t.match(large, { status: 413, headers: { 'x-breakwater-reason': 'request-too-large' } });
  t.equal((await ask(session, { method: 'POST', body: Buffer.alloc(1024) })).text, 'ok');
  const stalled = session.request({ ':method': 'POST', ':path': '/' });
  stalled.on('error', () => {});
  stalled.write('half');
  let status = 0;
  stalled.on('response', (head) => (status = head[':status']!));
  stalled.resume();
  await new Promise((resolve) => stalled.once('close', resolve));
  t.equal(status, 408);
  t.equal(await sidecar.metric('breakwater_bulkhead_active'), 0);
});

t.test('passes 103 on, with earlyHints, but not to gRPC', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => {
    response.writeEarlyHints({ link: '</a>; rel=preload' });
    response.end('ok');
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const session = connect(t, sidecar);
  const hints: unknown[] = [];
  for (const headers of [{}, { 'content-type': 'application/grpc' }]) {
    const stream = session.request({ ':path': '/', ...headers });
    stream.on('headers', (head) => hints.push(head[':status'], head['link']));
    stream.resume();
    await new Promise((resolve) => stream.once('close', resolve));
  }
  t.same(hints, [103, '</a>; rel=preload']);
});

t.test('a client that does not read stops its upstream, and costs little memory', async (t) => {
  let written = 0;
  const upstream = await startUpstream(t, (_request, response) => {
    const more = (): void => {
      while (written < 64 * 1024 * 1024) {
        written += 65_536;
        if (!response.write(Buffer.alloc(65_536))) return void response.once('drain', more);
      }
      response.end();
    };
    more();
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}", timeout: off } }`,
  );
  const session = connect(t, sidecar);
  const stream = session.request({ ':path': '/' });
  stream.pause();
  await eventually('it has begun', () => written > 0);
  let last = -1;
  await eventually('it stands still', async () => {
    const before = last;
    last = written;
    await new Promise((resolve) => void setTimeout(resolve, 200));
    return before === written;
  });
  t.ok(written < 16 * 1024 * 1024, `${written} bytes`);
  let read = 0;
  stream.on('data', (chunk: Buffer) => (read += chunk.length));
  stream.resume();
  await new Promise((resolve) => stream.once('close', resolve));
  t.equal(read, 64 * 1024 * 1024);
});

t.test('a removed listener sends GOAWAY, serves what it has, and closes', async (t) => {
  let end: (() => void) | undefined;
  const upstream = await startUpstream(t, (_request, response) => {
    end = () => response.end('late');
  });
  const ports = [await findFreePort(), await findFreePort()] as const;
  const yaml = (port: number) => `upstreams: { a: { listen: ${port}, target: "${upstream.url}" } }`;
  const sidecar = await startSidecar(t, yaml(ports[0]));
  const session = connectHttp2(t, `http://127.0.0.1:${ports[0]}`);
  const goaways: number[] = [];
  session.on('goaway', (code) => goaways.push(code));
  const received = ask(session);
  await eventually('it is upstream', () => end !== undefined);
  sidecar.edit(yaml(ports[1]));
  await sidecar.reload();
  await eventually('the client is told', () => goaways.length > 0);
  end!();
  t.match(await received, { status: 200, text: 'late', code: 0 });
  await eventually('it is closed', () => session.destroyed);
  t.ok(goaways.every((code) => code === 0));
});

t.test('counts and logs a connection that was closed because of its client', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end('ok'));
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const session = connect(t, sidecar);
  await ask(session);
  for (let i = 0; i < 60 && !session.destroyed; i++) {
    session.settings({ initialWindowSize: 70_000 + i });
    await new Promise((resolve) => void setImmediate(resolve));
  }
  const labels = { reason: 'too-many-settings' };
  await eventually(
    'it is counted',
    async () => (await sidecar.metric('breakwater_connections_closed_total', labels)) === 1,
  );
  t.match(
    sidecar.logs.find(({ reason }) => reason === 'too-many-settings'),
    {
      level: 'warn',
      msg: "closed a client's connection because the client sends SETTINGS after SETTINGS",
    },
  );
});
