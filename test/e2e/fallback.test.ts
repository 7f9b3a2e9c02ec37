import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import t from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import {
  endInPieces,
  eventually,
  NO_PORT,
  send,
  standstill,
  startRawUpstream,
  startSidecar,
  startUpstream,
} from '../support/sidecar.js';

const ONE_TRY = 'retry: { maxAttempts: 1 }';
function read(request: http.IncomingMessage, then: (body: string) => void): void {
  let body = '';
  request.on('data', (chunk) => (body += String(chunk)));
  request.on('end', () => then(body));
}

const STALE = 'breakwater; hit; detail=stale-if-error';

t.test('hides an outage from callers that ask for what was there before', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => {
    response.writeHead(200, { ETag: '"v1"', 'Content-Type': 'text/plain', 'X-Own': 'yes' });
    response.end('the catalogue');
  });
  const sidecar = await startSidecar(
    t,
    `
upstreams:
  a:
    listen: 0
    target: "${upstream.url}"
    ${ONE_TRY}
    fallback: [{ cache: { ttl: 1h } }]
`,
  );
  const url = `${sidecar.url('a')}/items?page=1`;
  const live = await send(url);
  t.equal(live.headers['x-breakwater-fallback'], undefined);
  t.equal(live.headers['cache-status'], undefined);
  upstream.server.closeAllConnections();
  await new Promise((resolve) => upstream.server.close(resolve));

  const stale = await send(url);
  t.equal(stale.status, 200);
  t.equal(stale.text, 'the catalogue');
  t.equal(stale.headers['x-breakwater-fallback'], 'cache');
  t.equal(stale.headers['x-breakwater-reason'], 'connect-failed');
  t.equal(stale.headers['cache-status'], STALE);
  t.match(stale.headers['age'], /^\d+$/);
  t.equal(stale.headers['x-own'], 'yes');
  t.equal(stale.headers['content-length'], '13');
  t.equal(stale.rawHeaders.filter((name) => name.toLowerCase() === 'content-length').length, 1);

  const head = await send(url, { method: 'HEAD' });
  t.equal(head.status, 200);
  t.equal(head.headers['content-length'], '13');
  t.equal(head.text, '');

  const known = await send(url, { headers: { 'If-None-Match': 'W/"v1"' } });
  t.equal(known.status, 304);
  t.equal(known.headers['etag'], '"v1"');
  t.equal(known.headers['content-length'], undefined);
  t.equal(known.headers['x-breakwater-fallback'], 'cache');

  const other = await send(`${sidecar.url('a')}/items?page=2`);
  t.equal(other.status, 502, 'what was never there fails as before');
  t.equal(other.headers['x-breakwater-fallback'], undefined);
  t.equal((JSON.parse(other.text) as { type: string }).type, 'urn:breakwater:connect-failed');

  const labels = { upstream: 'a', source: 'cache' };
  t.equal(await sidecar.metric('breakwater_fallbacks_total', labels), 3);
  t.equal(
    await sidecar.metric('breakwater_requests_total', { status: '2xx', reason: 'connect-failed' }),
    2,
  );
  t.match(
    sidecar.logs.find((line) => line['fallback'] === 'cache'),
    { msg: 'exchange', status: 200, reason: 'connect-failed', error: /Cannot connect/ },
  );
});

t.test('a write on any route takes back what another route has kept of its URL', async (t) => {
  let isDown = false;
  const upstream = await startUpstream(t, (request, response) => {
    request.resume();
    response.writeHead(isDown ? 503 : request.method === 'GET' ? 200 : 204);
    response.end(request.method === 'GET' && !isDown ? 'old' : undefined);
  });
  const sidecar = await startSidecar(
    t,
    `
upstreams:
  a:
    listen: 0
    target: "${upstream.url}"
    ${ONE_TRY}
    routes:
      - { name: read, match: { methods: [GET] }, fallback: [{ cache: {} }] }
      - { name: remove, match: { methods: [DELETE] }, fallback: off }
      - { name: put, match: { methods: [PUT] }, fallback: [{ static: {} }] }
`,
  );
  const paths = { PATCH: '/1', DELETE: '/2', PUT: '/3' };
  const url = (path: string) => `${sidecar.url('a')}${path}`;
  for (const path of [...Object.values(paths), '/untouched']) {
    t.equal((await send(url(path))).text, 'old');
  }
  for (const [method, path] of Object.entries(paths)) {
    t.equal((await send(url(path), { method })).status, 204);
  }
  isDown = true;
  for (const path of Object.values(paths)) t.equal((await send(url(path))).status, 503, path);
  t.equal((await send(url('/untouched'))).text, 'old');
});

t.test('asks another upstream, through its own pipeline', async (t) => {
  const backup = await startUpstream(t, (request, response) => {
    response.end(`backup of ${request.headers.host}${request.url}`);
  });
  const sidecar = await startSidecar(
    t,
    `
upstreams:
  a:
    listen: 0
    target: "http://127.0.0.1:${NO_PORT}"
    preserveHost: true
    retry: { maxAttempts: 2, backoff: { baseDelay: 1ms } }
    fallback: [{ upstream: b }]
  b:
    listen: 0
    target: "${backup.url}/base"
    deadline: { header: X-Until }
`,
  );
  const received = await send(`${sidecar.url('a')}/items?x=1`, {
    headers: { 'X-Deadline': String(Date.now() + 5000) },
  });
  t.equal(received.status, 200);
  t.equal(received.text, `backup of 127.0.0.1:${backup.port}/base/items?x=1`);
  t.equal(received.headers['x-breakwater-fallback'], 'upstream:b');
  t.equal(received.headers['x-breakwater-reason'], 'connect-failed');
  t.equal(received.headers['x-breakwater-attempts'], '3', 'of both upstreams');
  const [seen] = backup.seen;
  t.equal(seen?.headers['x-attempt-count'], '1');
  const left = Number(seen?.headers['x-until']) * 1000 - Date.now();
  t.ok(left > 3000 && left < 5000, "what is left of the caller's deadline, under b's name");
  t.equal(seen?.headers['x-request-id'], received.headers['x-request-id']);
  t.equal(await sidecar.metric('breakwater_attempts_total', { upstream: 'b' }), 1);
  t.equal(await sidecar.metric('breakwater_bulkhead_wait_seconds_count', { upstream: 'b' }), 1);
  t.equal(
    await sidecar.metric('breakwater_fallbacks_total', { upstream: 'a', source: 'upstream' }),
    1,
  );
});

t.test('repeats a body at the other upstream, within bodyLimit', async (t) => {
  const bodies: string[] = [];
  const failing = await startUpstream(t, (request, response) =>
    read(request, () => {
      response.statusCode = 503;
      response.end('no');
    }),
  );
  const backup = await startUpstream(t, (request, response) =>
    read(request, (body) => {
      bodies.push(body);
      response.end('yes');
    }),
  );
  for (const retry of ['retry: { maxAttempts: 1, bodyLimit: 64KiB }', 'retry: off']) {
    const sidecar = await startSidecar(
      t,
      `
upstreams:
  a: { listen: 0, target: "${failing.url}", ${retry}, fallback: [{ upstream: b }] }
  b: { listen: 0, target: "${backup.url}" }
`,
    );
    const url = `${sidecar.url('a')}/`;
    const small = await send(url, { method: 'POST', body: 'x'.repeat(1000) });
    t.equal(small.text, 'yes', retry);
    t.equal(bodies.at(-1), 'x'.repeat(1000));
    t.equal(small.headers['x-breakwater-reason'], undefined, 'the upstream did respond');
    const large = await send(url, { method: 'POST', body: 'x'.repeat(100_000) });
    t.equal(large.status, 503);
    t.equal(large.text, 'no', 'the response that there was');
    t.equal(large.headers['x-breakwater-fallback'], undefined);
  }
  t.equal(bodies.length, 2);
});

t.test('gives a static response when nothing else is left', async (t) => {
  const failing = await startUpstream(t, (_request, response) => {
    response.statusCode = 500;
    response.end();
  });
  const sidecar = await startSidecar(
    t,
    `
upstreams:
  a:
    listen: 0
    target: "http://127.0.0.1:${NO_PORT}"
    ${ONE_TRY}
    fallback:
      - cache: {}
      - upstream: b
      - static: { status: 203, headers: { Content-Type: application/json }, body: '{"items":[]}' }
  b: { listen: 0, target: "${failing.url}" }
`,
  );
  const url = `${sidecar.url('a')}/items`;
  const received = await send(url);
  t.equal(received.status, 203);
  t.equal(received.text, '{"items":[]}');
  t.equal(received.headers['content-type'], 'application/json');
  t.equal(received.headers['content-length'], '12');
  t.equal(received.headers['x-breakwater-fallback'], 'static');
  t.equal(received.headers['x-breakwater-reason'], 'connect-failed');
  const head = await send(url, { method: 'HEAD' });
  t.equal(head.status, 203);
  t.equal(head.headers['content-length'], '12');
  // No substitute makes up for a failure: two calls, tried once at a, and three times each at b as far as its circuit lets them.
  t.match(await sidecar.json('/circuits'), {
    circuits: [
      { upstream: 'a', consecutiveFailures: 2 },
      { upstream: 'b', state: 'open', consecutiveFailures: 5 },
    ],
  });
});

t.test('keeps the outcome as it was when every source fails', async (t) => {
  const failing = await startUpstream(t, (_request, response) => {
    response.writeHead(503, { 'X-Own': 'yes', 'Retry-After': '7' });
    response.end('the first response');
  });
  const sidecar = await startSidecar(
    t,
    `
upstreams:
  a: { listen: 0, target: "${failing.url}", ${ONE_TRY}, fallback: [{ cache: {} }, { upstream: b }] }
  b: { listen: 0, target: "http://127.0.0.1:${NO_PORT}", ${ONE_TRY} }
`,
  );
  const received = await send(`${sidecar.url('a')}/`);
  t.equal(received.status, 503);
  t.equal(received.text, 'the first response');
  t.equal(received.headers['x-own'], 'yes');
  t.equal(received.headers['retry-after'], '7');
  t.equal(received.headers['x-breakwater-fallback'], undefined);
  t.equal(received.headers['x-breakwater-reason'], undefined);
  t.equal(await sidecar.metric('breakwater_fallbacks_total'), 0);
});

t.test('falls back to what is at hand when the total timeout ends the call', async (t) => {
  const hanging = await startRawUpstream(t, () => {});
  const backup = await startUpstream(t, (_request, response) => void response.end('late'));
  const sidecar = await startSidecar(
    t,
    `
upstreams:
  a:
    listen: 0
    target: "${hanging.url}"
    timeout: { total: 200ms }
    fallback: [{ upstream: b }, { static: { body: instead } }]
  b: { listen: 0, target: "${backup.url}" }
`,
  );
  const received = await send(`${sidecar.url('a')}/`);
  t.equal(received.text, 'instead');
  t.equal(received.headers['x-breakwater-fallback'], 'static');
  t.equal(received.headers['x-breakwater-reason'], 'timeout-total');
  t.equal(backup.seen.length, 0, 'there was no time left for another upstream');
});

t.test('ends the other upstream when the deadline of the call comes', async (t) => {
  const hanging = await startRawUpstream(t, () => {});
  const sidecar = await startSidecar(
    t,
    `
upstreams:
  a:
    listen: 0
    target: "http://127.0.0.1:${NO_PORT}"
    timeout: { total: 300ms }
    ${ONE_TRY}
    fallback: [{ upstream: b }, { static: { body: instead } }]
  b: { listen: 0, target: "${hanging.url}", timeout: off, deadline: off, ${ONE_TRY} }
`,
  );
  // Without the limit of the whole call there would be no response.
  const response = await send(`${sidecar.url('a')}/`);
  t.equal(response.text, 'instead');
  t.equal(response.headers['x-breakwater-reason'], 'connect-failed');
});

t.test('cuts the connection when the body of the other upstream breaks off', async (t) => {
  const broken = await startRawUpstream(t, (socket) => {
    socket.once('data', () =>
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nonly a part'),
    );
  });
  const sidecar = await startSidecar(
    t,
    `
upstreams:
  a: { listen: 0, target: "http://127.0.0.1:${NO_PORT}", ${ONE_TRY}, fallback: [{ upstream: b }] }
  b: { listen: 0, target: "${broken.url}" }
`,
  );
  await t.rejects(send(`${sidecar.url('a')}/`));
  await eventually(
    'it is counted with what broke it off',
    async () =>
      (await sidecar.metric('breakwater_requests_total', { reason: 'upstream-reset' })) === 1,
  );
});

t.test('opens a WebSocket at the other upstream, and counts the tunnel there', async (t) => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  server.on('connection', (socket) =>
    socket.on('message', (data: Buffer) => socket.send(data.toString())),
  );
  t.teardown(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  const sidecar = await startSidecar(
    t,
    `
upstreams:
  a:
    listen: 0
    target: "http://127.0.0.1:${NO_PORT}"
    ${ONE_TRY}
    fallback: [{ cache: {} }, { upstream: b }]
  b: { listen: 0, target: "http://127.0.0.1:${(server.address() as AddressInfo).port}" }
`,
  );
  const socket = new WebSocket(`ws://127.0.0.1:${sidecar.port('a')}/`);
  const echo = new Promise((resolve, reject) => {
    socket.on('message', (data: Buffer) => resolve(data.toString()));
    socket.on('error', reject);
  });
  socket.on('open', () => socket.send('hello'));
  t.equal(await echo, 'hello');
  t.equal(await sidecar.metric('breakwater_tunnels', { upstream: 'b' }), 1);
  socket.close();
});

t.test('does not respond to a client that has left, and ends the other upstream', async (t) => {
  let closed = 0;
  const hanging = await startRawUpstream(t, (socket) => {
    socket.resume();
    socket.on('close', () => closed++);
  });
  const sidecar = await startSidecar(
    t,
    `
upstreams:
  a:
    listen: 0
    target: "http://127.0.0.1:${NO_PORT}"
    ${ONE_TRY}
    fallback: [{ upstream: b }, { static: { body: instead } }]
  b: { listen: 0, target: "${hanging.url}" }
`,
  );
  const request = http.get(`${sidecar.url('a')}/`, { agent: false });
  request.on('error', () => {});
  await eventually('b is called', async () => {
    const upstreams = (await sidecar.json('/upstreams')) as {
      upstreams: { bulkhead: { active: number } }[];
    };
    return upstreams.upstreams[1]?.bulkhead.active === 1;
  });
  request.destroy();
  await eventually('the call to b is cancelled', () => closed === 1);
  await eventually(
    'it is counted as a client that left',
    async () => (await sidecar.metric('breakwater_requests_total', { status: '499' })) === 1,
  );
  t.equal(await sidecar.metric('breakwater_fallbacks_total'), 0);
});

t.test('never gives one caller the response to another one', async (t) => {
  let isDown = false;
  const upstream = await startUpstream(t, (request, response) => {
    if (isDown) {
      response.statusCode = 503;
      return void response.end();
    }
    response.setHeader('Vary', 'X-Tenant');
    const { authorization = '-', cookie = '-' } = request.headers;
    response.end(`for ${authorization} ${cookie} ${String(request.headers['x-tenant'] ?? '-')}`);
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}", ${ONE_TRY}, circuitBreaker: off, fallback: [{ cache: {} }] } }`,
  );
  const url = `${sidecar.url('a')}/account`;
  const callers = [
    {},
    { Authorization: 'Bearer alice' },
    { Authorization: 'Bearer bob' },
    { Cookie: 'session=alice' },
    { Authorization: 'Bearer alice', Cookie: 'session=alice' },
    { 'X-Tenant': 'alice' },
  ];
  const responses: string[] = [];
  for (const headers of callers) responses.push((await send(url, { headers })).text);
  isDown = true;
  for (const [i, headers] of callers.entries()) {
    const stale = await send(url, { headers });
    t.equal(stale.headers['x-breakwater-fallback'], 'cache');
    t.equal(stale.text, responses[i]);
  }
  for (const headers of [
    { Authorization: 'Bearer carol' },
    { Cookie: 'session=bob' },
    { 'X-Tenant': 'bob' },
    { Authorization: 'Bearer bob', Cookie: 'session=alice' },
    { 'X-Forwarded-Host': 'other.example' },
  ]) {
    t.equal((await send(url, { headers })).status, 503, JSON.stringify(headers));
  }
});

t.test('passes a large response on at the pace of its client, and does not keep it', async (t) => {
  let isDown = false;
  const body = Buffer.alloc(64 * 1024 * 1024, 'x');
  let sentBytes: (() => number) | undefined;
  const upstream = await startUpstream(t, (_request, response) => {
    if (isDown) response.writeHead(503).end();
    else sentBytes = endInPieces(response, body);
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}", ${ONE_TRY}, fallback: [{ cache: {} }] } }`,
  );
  const response = await new Promise<http.IncomingMessage>((resolve) => {
    http.get(`${sidecar.url('a')}/`, { agent: false }, resolve);
  });
  const sent = await standstill(
    'the response',
    () => sentBytes?.() ?? 0,
    () => send(`${sidecar.admin}/healthz`),
  );
  t.ok(sent < body.length / 2, `sent ${sent} to a client that does not read`);
  let length = 0;
  for await (const chunk of response) length += (chunk as Buffer).length;
  t.equal(length, body.length);
  isDown = true;
  t.equal((await send(`${sidecar.url('a')}/`)).status, 503);
});

t.test(
  'sends the whole of a body elsewhere that goes on coming until it is its turn',
  async (t) => {
    // Responds at once, reads on, and never ends its response.
    const failing = await startRawUpstream(t, (socket) => {
      socket.once('data', () => socket.write('HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbu'));
      socket.resume();
    });
    let release: (() => void) | undefined;
    const upstream = await startUpstream(t, (request, response) => {
      if (request.method === 'GET') release = () => response.end();
      else read(request, (body) => response.end(`${body.length} bytes`));
    });
    const sidecar = await startSidecar(
      t,
      `upstreams:
  a: { listen: 0, target: "${failing.url}", ${ONE_TRY}, fallback: [{ upstream: b }] }
  b: { listen: 0, target: "${upstream.url}", bulkhead: { maxConcurrent: 1, queueTimeout: 5s } }`,
    );
    const before = send(`${sidecar.url('b')}/`);
    await eventually('the slot is taken', () => release !== undefined);
    const client = net.connect(sidecar.port('a'), '127.0.0.1');
    t.teardown(() => client.destroy());
    let received = '';
    client.on('data', (data) => (received += String(data)));
    const writeChunk = (bytes: number) =>
      client.write(`${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n`);
    client.write('PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
    writeChunk(40_000);
    await eventually(
      'it waits for its turn elsewhere',
      async () => (await sidecar.metric('breakwater_bulkhead_queued', { upstream: 'b' })) === 1,
    );
    // More than is remembered.
    writeChunk(60_000);
    await new Promise((resolve) => client.write('0\r\n\r\n', resolve));
    // Sent before this request, so what the sidecar reads of it is read by now.
    await send(`${sidecar.admin}/healthz`);
    release!();
    await before;
    await eventually('the response has come', () => received.includes('bytes'));
    t.match(received, /^HTTP\/1.1 200 OK[^]*\r\n\r\n100000 bytes$/);
    t.equal(await sidecar.metric('breakwater_bulkhead_active'), 0);
  },
);
