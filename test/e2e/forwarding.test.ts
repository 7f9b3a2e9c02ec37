import net from 'node:net';
import t from 'tap';
import {
  eventually,
  send,
  sendRaw,
  startRawUpstream,
  startSidecar,
  startUpstream,
} from '../support/sidecar.js';

t.test('passes path and query on byte for byte', async (t) => {
  const upstream = await startUpstream(t, (request, response) => response.end(request.url));
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  for (const path of [
    '//x//y',
    '/a/../b',
    '/%2F;p=1?a?b&c=%zz',
    '/%C3%28',
    '/a\\b',
    '/?',
    "/~!$&'()*+,;=:@",
  ]) {
    const head = `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
    const response = await sendRaw(sidecar.port('a'), head);
    t.match(response, /^HTTP\/1.1 200 /);
    t.equal(upstream.seen.at(-1)?.url, path);
  }
});

t.test("puts the target's own path in front", async (t) => {
  const upstream = await startUpstream(t, (request, response) => response.end(request.url));
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}/base/v1/" } }`,
  );
  t.equal((await send(`${sidecar.url('a')}/x?y`)).text, '/base/v1/x?y');
});

t.test('keeps order, case and repetitions of header fields, both ways', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => {
    response.writeHead(200, [
      'X-ONE',
      '1',
      'x-Two',
      'caf\u00e9',
      'X-ONE',
      '3',
      'Set-Cookie',
      'a=1',
      'Set-Cookie',
      'b=2',
    ]);
    response.end('ok');
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const head =
    'GET / HTTP/1.1\r\nHost: x\r\nX-b: 1\r\nx-A: caf\u00e9\r\nX-b: 2\r\nConnection: close\r\n\r\n';
  const received = await sendRaw(sidecar.port('a'), Buffer.from(head, 'latin1'));
  t.match(
    received,
    /X-ONE: 1\r\nx-Two: caf\u00e9\r\nX-ONE: 3\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n/,
  );
  const raw = upstream.seen[0]!.rawHeaders.join('|');
  t.match(raw, /X-b\|1\|x-A\|caf\u00e9\|X-b\|2/);
});

t.test('takes out what belongs to one hop and adds what a proxy must', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => {
    response.writeHead(200, {
      Connection: ['X-Internal', 'X-Second'],
      'X-Internal': 'secret',
      'X-Second': 'secret',
      'Proxy-Connection': 'x',
    });
    response.end();
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const received = await send(`${sidecar.url('a')}/`, {
    headers: {
      Connection: 'X-Drop, close',
      'X-Drop': '1',
      TE: 'gzip',
      'X-Forwarded-For': '10.0.0.1',
      Via: '1.0 first',
      'X-Request-Id': 'mine',
    },
  });
  const { headers } = upstream.seen[0]!;
  t.equal(headers['x-drop'], undefined);
  t.equal(headers['te'], undefined);
  t.equal(headers['x-forwarded-for'], '10.0.0.1, 127.0.0.1');
  t.equal(headers['via'], '1.0 first, 1.1 breakwater');
  t.equal(headers['x-request-id'], 'mine');
  t.equal(headers['x-attempt-count'], '1');
  t.equal(headers['x-forwarded-proto'], 'http');
  t.equal(headers['x-forwarded-host'], `127.0.0.1:${sidecar.port('a')}`);
  t.equal(headers['host'], `127.0.0.1:${upstream.port}`);
  t.equal(received.headers['x-internal'], undefined);
  t.equal(received.headers['x-second'], undefined, 'named by a second field');
  t.equal(received.headers['proxy-connection'], undefined);
  t.equal(received.headers['x-request-id'], 'mine');
  t.equal(received.headers['x-breakwater-attempts'], undefined);
});

t.test("sends the client's Host where preserveHost says so", async (t) => {
  const upstream = await startUpstream(t, (request, response) =>
    response.end(request.headers.host),
  );
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}", preserveHost: true } }`,
  );
  t.equal(
    (await send(`${sidecar.url('a')}/`, { headers: { Host: 'shop.example' } })).text,
    'shop.example',
  );
});

t.test('makes a request id where the client sent none', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end());
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const received = await send(`${sidecar.url('a')}/`);
  t.match(received.headers['x-request-id'], /^[\da-f-]{36}$/);
  t.equal(upstream.seen[0]!.headers['x-request-id'], received.headers['x-request-id']);
});

t.test('streams a large body up and down unchanged', async (t) => {
  const upstream = await startUpstream(t, (request, response) => void request.pipe(response));
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const body = Buffer.alloc(5_000_000, 'breakwater');
  const received = await send(`${sidecar.url('a')}/`, { method: 'POST', body });
  t.ok(received.body.equals(body));
  const chunked = await send(`${sidecar.url('a')}/`, {
    method: 'PUT',
    body,
    headers: { 'Transfer-Encoding': 'chunked', 'Content-Type': 'no/such type;;' },
  });
  t.ok(chunked.body.equals(body));
});

t.test('passes the first bytes of an upload on before the client has sent the last', async (t) => {
  let first: string | undefined;
  const upstream = await startUpstream(t, (request, response) => {
    request.once('data', (chunk: Buffer) => {
      first = chunk.toString();
    });
    request.on('end', () => response.end('done'));
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const socket = net.connect(sidecar.port('a'), '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nfirst');
  await eventually('the upstream saw the first half', () => first === 'first');
  socket.write('-last');
  const received = await new Promise<string>((resolve) =>
    socket.once('data', (data) => resolve(String(data))),
  );
  t.match(received, /200 OK/);
});

t.test('passes a body on that comes with its head, whatever is remembered of it', async (t) => {
  let calls = 0;
  const upstream = await startUpstream(t, (request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      // Every other one, so that the sidecars that may do so try again.
      calls += 1;
      response.statusCode = request.method === 'PUT' && calls % 2 === 1 ? 503 : 200;
      response.end(`${request.method} ${body} ${request.headers['content-length']}`);
    });
  });
  const target = `listen: 0, target: "${upstream.url}"`;
  const sidecar = await startSidecar(
    t,
    `limits: { maxRequestBody: 20B }
upstreams:
  retries: { ${target}, retry: { backoff: { baseDelay: 1ms } } }
  remembersLittle: { ${target}, retry: { bodyLimit: 2B } }
  remembersNothing: { ${target}, retry: off }`,
  );
  const ask = (name: string, method: string, body: string) =>
    sendRaw(
      sidecar.port(name),
      `${method} / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
  for (const name of ['retries', 'remembersLittle', 'remembersNothing']) {
    t.match(await ask(name, 'POST', 'hello'), /^HTTP\/1.1 200 [^]*POST hello 5$/, name);
    t.match(await ask(name, 'GET', 'hello'), /^HTTP\/1.1 200 [^]*GET hello 5$/, name);
    t.match(await ask(name, 'POST', ''), /^HTTP\/1.1 200 [^]*POST {2}0$/, name);
    t.match(await ask(name, 'POST', 'x'.repeat(21)), /^HTTP\/1.1 413 /, name);
  }
  calls = 0;
  t.match(await ask('retries', 'PUT', 'again'), /X-Breakwater-Attempts: 2[^]*PUT again 5$/);
});

t.test('responds to Expect: 100-continue only when the upstream wants the body', async (t) => {
  const upstream = await startUpstream(t, (request, response) => void request.pipe(response));
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" }, dead: { listen: 0, target: "http://127.0.0.1:1", retry: off } }`,
  );
  const head =
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n';
  t.match(
    await sendRaw(sidecar.port('a'), `${head}body`),
    /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK/,
  );
  const refused = await sendRaw(sidecar.port('dead'), head);
  t.match(refused, /^HTTP\/1.1 502 /);
  t.match(refused, /Connection: close/i);
});

t.test('cuts the connection when the upstream dies in mid-body', async (t) => {
  const upstream = await startRawUpstream(t, (socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart');
      setTimeout(() => socket.destroy(), 20);
    });
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  await t.rejects(send(`${sidecar.url('a')}/`), { code: 'ECONNRESET' });
  t.equal(
    await sidecar.metric('breakwater_requests_total', {
      upstream: 'a',
      reason: 'upstream-reset',
      status: '2xx',
    }),
    1,
  );
  t.equal(
    await sidecar.metric('breakwater_attempts_total', { upstream: 'a', outcome: 'reset' }),
    1,
  );
  t.equal(await sidecar.metric('breakwater_bulkhead_active', { upstream: 'a' }), 0);
});

t.test('cancels the upstream call at once when the client hangs up', async (t) => {
  let closed = 0;
  const upstream = await startUpstream(t, (_request, response) => {
    response.on('close', () => (closed += 1));
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const socket = net.connect(sidecar.port('a'), '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await eventually('the request is upstream', () => upstream.seen.length === 1);
  socket.destroy();
  await eventually('the upstream call is cancelled', () => closed === 1);
  await eventually(
    'it is counted as 499',
    async () => (await sidecar.metric('breakwater_requests_total', { status: '499' })) === 1,
  );
  t.equal(await sidecar.metric('breakwater_attempts_total', { outcome: 'cancelled' }), 1);
  t.equal(await sidecar.metric('breakwater_bulkhead_active'), 0);
});

t.test('passes the head and each event of a stream on when they come', async (t) => {
  let push: ((text: string) => void) | undefined;
  const upstream = await startUpstream(t, (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.flushHeaders();
    push = (text) => response.write(text);
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  let seen = '';
  const socket = net.connect(sidecar.port('a'), '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.on('data', (data) => (seen += String(data)));
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await eventually('the head is here before any event', () => seen.includes('\r\n\r\n'));
  push!('data: 1\n\n');
  await eventually('the event is here', () => seen.includes('data: 1'));
});
