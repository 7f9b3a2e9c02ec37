/** Calls that only wait, and responses without an end, leave the slots of an upstream to calls that work. */
import http from 'node:http';
import t from 'tap';
import {
  eventually,
  send,
  sendRaw,
  startRawUpstream,
  startSidecar,
  startUpstream,
} from '../support/sidecar.js';

interface Slots {
  readonly active: number;
  readonly queued: number;
  readonly limit: number;
  readonly streams: number;
}

async function slotsOf(sidecar: { json(path: string): Promise<unknown> }): Promise<Slots> {
  const shown = (await sidecar.json('/upstreams')) as { upstreams: { bulkhead: Slots }[] };
  return shown.upstreams[0]!.bulkhead;
}

/** Opens an event stream and resolves with its first bytes. */
const open = (url: string) =>
  new Promise<http.ClientRequest>((resolve, reject) => {
    const request = http.get(`${url}/events`, { agent: false }, (response) => {
      response.on('error', () => {});
      response.once('data', () => resolve(request));
    });
    request.on('error', reject);
  });

t.test('calls that wait out a Retry-After hold up no others', async (t) => {
  const upstream = await startUpstream(t, (request, response) => {
    if (request.url === '/limited') response.writeHead(429, { 'Retry-After': '1' });
    response.end();
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}", bulkhead: { maxConcurrent: 3, maxQueue: 0 }, retry: { maxAttempts: 2 } } }`,
  );
  const limited = [1, 2, 3].map(() => send(`${sidecar.url('a')}/limited`));
  await eventually('all three have had a response', () => upstream.seen.length === 3);
  await eventually('none holds a slot', async () => (await slotsOf(sidecar)).active === 0);
  t.equal((await send(`${sidecar.url('a')}/ok`)).status, 200);
  const fourth = await send(`${sidecar.url('a')}/limited`);
  t.equal(fourth.status, 429, 'three may wait: the fourth is not retried');
  t.equal(fourth.headers['x-breakwater-attempts'], undefined);
  t.equal(await sidecar.metric('breakwater_retries_denied_total', { cause: 'waiting' }), 1);
  for (const { status, headers } of await Promise.all(limited)) {
    t.equal(status, 429);
    t.equal(headers['x-breakwater-attempts'], '2');
  }
  t.same(await slotsOf(sidecar), { active: 0, queued: 0, limit: 3, streams: 0 });
});

t.test('a Retry-After of many digits is too long to wait for', async (t) => {
  let value = '';
  const upstream = await startUpstream(t, (_request, response) => {
    response.writeHead(503, { 'Retry-After': value });
    response.end();
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}", circuitBreaker: off } }`,
  );
  for (value of ['11', '9999999999', '99999999999', '9'.repeat(30), '10.1', '0000000000011']) {
    const before = upstream.seen.length;
    t.equal((await send(`${sidecar.url('a')}/`)).headers['retry-after'], value);
    t.equal(upstream.seen.length - before, 1, value);
  }
});

t.test('event streams', async (t) => {
  const endings: string[] = [];
  const upstream = await startUpstream(t, (request, response) => {
    if (request.url !== '/events') return void response.end('ok');
    response.on('close', () => endings.push('closed'));
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write('data: 1\n\n');
  });

  t.test('hold no slots', async (t) => {
    const sidecar = await startSidecar(
      t,
      `upstreams: { a: { listen: 0, target: "${upstream.url}", bulkhead: { maxConcurrent: 2, maxQueue: 0 } } }`,
    );
    const streams = [];
    for (let i = 0; i < 5; i++) streams.push(await open(sidecar.url('a')));
    t.equal((await send(`${sidecar.url('a')}/`)).text, 'ok');
    t.same(await slotsOf(sidecar), { active: 0, queued: 0, limit: 2, streams: 5 });
    t.equal(await sidecar.metric('breakwater_streams', { upstream: 'a', route: '' }), 5);
    t.equal(await sidecar.metric('breakwater_bulkhead_active', { upstream: 'a' }), 0);
    for (const stream of streams) stream.destroy();
    await eventually('they are gone', async () => (await slotsOf(sidecar)).streams === 0);
    t.equal((await slotsOf(sidecar)).active, 0);
  });

  t.test('have a limit of their own', async (t) => {
    const sidecar = await startSidecar(
      t,
      `upstreams: { a: { listen: 0, target: "${upstream.url}", bulkhead: { maxStreams: 2 } } }`,
    );
    const streams = [await open(sidecar.url('a')), await open(sidecar.url('a'))];
    const before = endings.length;
    const refused = await send(`${sidecar.url('a')}/events`);
    t.equal(refused.status, 503);
    t.equal(refused.headers['x-breakwater-reason'], 'bulkhead-full');
    t.match(refused.text, /all 2 streams that its bulkhead allows are open/);
    await eventually('the upstream was told to stop', () => endings.length === before + 1);
    const labels = { upstream: 'a', reason: 'bulkhead-full' };
    t.equal(await sidecar.metric('breakwater_rejections_total', labels), 1);
    t.equal((await send(`${sidecar.url('a')}/`)).text, 'ok', 'other calls go on');
    for (const stream of streams) stream.destroy();
  });
});

t.test('retry.ownRetryAfter caps, or leaves out, the Retry-After of our own 503', async (t) => {
  for (const [option, expected] of [
    ['', '30'],
    ['ownRetryAfter: 5s', '5'],
    ['ownRetryAfter: 200ms', '1'],
    ['ownRetryAfter: 10m', '30'],
    ['ownRetryAfter: off', undefined],
  ] as const) {
    const upstream = await startUpstream(t, (_request, response) => {
      response.writeHead(503, { 'Retry-After': '77' });
      response.end();
    });
    const sidecar = await startSidecar(
      t,
      `upstreams: { a: { listen: 0, target: "${upstream.url}", retry: { maxAttempts: 1, ${option} }, circuitBreaker: { failureThreshold: 1 } } }`,
    );
    const theirs = await send(`${sidecar.url('a')}/`);
    t.equal(theirs.headers['retry-after'], '77', 'that of the upstream stays as it is');
    const ours = await send(`${sidecar.url('a')}/`);
    t.equal(ours.headers['x-breakwater-reason'], 'circuit-open');
    t.equal(ours.headers['retry-after'], expected, option);
  }
});

t.test('retry.hints', async (t) => {
  const upstream = await startRawUpstream(t, (socket) => {
    socket.on('data', (data) => {
      if (String(data).includes('/reset')) socket.resetAndDestroy();
    });
  });
  const sidecar = await startSidecar(
    t,
    `upstreams:
  on: { listen: 0, target: "${upstream.url}", timeout: { attempt: 100ms }, retry: { hints: true, maxAttempts: 1 } }
  off: { listen: 0, target: "${upstream.url}", timeout: { attempt: 100ms }, retry: { maxAttempts: 1 } }
  down: { listen: 0, target: "http://127.0.0.1:1", retry: { hints: true, maxAttempts: 1 } }`,
  );
  const hintOf = async (path: string, options: http.RequestOptions) => {
    const [name, rest] = path.split('/');
    const { status, headers } = await send(`${sidecar.url(name!)}/${rest}`, {
      ...options,
      body: 'x',
    });
    return [status, headers['x-should-retry']];
  };
  const post = { method: 'POST' };
  t.same(await hintOf('on/reset', post), [502, 'false']);
  t.same(await hintOf('on/hang', post), [504, 'false']);
  t.same(
    await hintOf('on/hang', { ...post, headers: { 'X-Deadline': `${Date.now() / 1000 + 0.1}` } }),
    [504, 'false'],
  );
  t.same(await hintOf('on/reset', { method: 'PUT' }), [502, undefined], 'it may be repeated');
  const key = { 'Idempotency-Key': '1' };
  t.same(await hintOf('on/reset', { ...post, headers: key }), [502, undefined]);
  t.same(await hintOf('down/reset', post), [502, undefined], 'it was not sent');
  t.same(await hintOf('off/reset', post), [502, undefined], 'the default');
  const gone = await sendRaw(
    sidecar.port('on'),
    'POST /hang HTTP/1.1\r\nHost: a\r\nX-Deadline: 1000000000\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
  );
  t.match(gone, /^HTTP\/1\.1 504 /);
  t.notMatch(gone, /x-should-retry/i, 'its deadline had come before anything was sent');
});
