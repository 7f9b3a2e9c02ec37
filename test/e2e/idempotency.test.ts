import { once } from 'node:events';
import type http from 'node:http';
import net from 'node:net';
import t, { type Test } from 'tap';
import { startRedis, withoutRedis } from '../support/redis.js';
import {
  eventually,
  NO_PORT,
  send,
  sendRaw,
  startSidecar,
  startUpstream,
  type TestSidecar,
} from '../support/sidecar.js';

/** Counts charges; responds when the `gate` of that time opens. */
async function startPayments(t: Test, gate: () => Promise<unknown> = () => Promise.resolve()) {
  let charges = 0;
  const bodies: string[] = [];
  const responses: http.ServerResponse[] = [];
  const upstream = await startUpstream(t, (request, response) => {
    responses.push(response);
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    const respond = () => {
      const headers = ['Location', `/charges/${charges}`, 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'];
      response.writeHead(201, headers);
      response.end(Buffer.from([charges, 0, 255]));
    };
    request.on('end', () => {
      bodies.push(body);
      charges++;
      void gate().then(respond);
    });
  });
  return { ...upstream, responses, bodies, charges: () => charges };
}

const config = (target: string, options = '', more = '') =>
  `${more}\nupstreams: { pay: { listen: 0, target: "${target}", idempotency: { ${options} } } }`;

const redisStore = (url: string) => `stores: { kind: redis, url: "${url}" }`;

const pay = (
  sidecar: TestSidecar,
  options: Partial<http.RequestOptions> & { body?: string } = {},
) =>
  send(`${sidecar.url('pay')}/charges`, {
    method: 'POST',
    body: '{"sum":1}',
    ...options,
    headers: { 'Idempotency-Key': 'k1', ...(options.headers as http.OutgoingHttpHeaders) },
  });

const counted = (sidecar: TestSidecar, result: string) =>
  sidecar.metric('breakwater_idempotency_total', { upstream: 'pay', result });

t.test('carries a repeated request out once and responds to it twice', async (t) => {
  const upstream = await startPayments(t);
  const sidecar = await startSidecar(t, config(upstream.url));
  const first = await pay(sidecar);
  const second = await pay(sidecar, { headers: { 'X-Request-Id': 'mine' } });
  t.equal(first.headers['idempotency-replayed'], undefined);
  t.equal(second.headers['idempotency-replayed'], 'true');
  for (const response of [first, second]) {
    t.equal(response.status, 201);
    t.equal(response.headers['location'], '/charges/1');
    t.same(response.headers['set-cookie'], ['a=1', 'b=2']);
    t.same(response.body, Buffer.from([1, 0, 255]));
  }
  t.equal(second.headers['x-request-id'], 'mine');
  t.equal(upstream.charges(), 1);
  t.same(upstream.bodies, ['{"sum":1}']);
  t.equal(upstream.seen[0]?.headers['idempotency-key'], 'k1', 'the upstream sees the key');
  t.equal(await counted(sidecar, 'stored'), 1);
  t.equal(await counted(sidecar, 'replayed'), 1);
});

t.test('tells conflicts, mismatches and missing keys apart', async (t) => {
  let open!: (value?: unknown) => void;
  const gate = new Promise((resolve) => {
    open = resolve;
  });
  const upstream = await startPayments(t, () => gate);
  const sidecar = await startSidecar(t, config(upstream.url, 'required: true'));
  const first = pay(sidecar);
  await eventually('the upstream is called', () => upstream.charges() === 1);
  const conflict = await pay(sidecar);
  t.equal(conflict.status, 409);
  t.equal(conflict.headers['x-breakwater-reason'], 'idempotency-in-progress');
  t.equal(conflict.headers['retry-after'], '1');
  t.equal(conflict.headers['content-type'], 'application/problem+json');
  open();
  t.equal((await first).status, 201);
  const mismatch = await pay(sidecar, { body: '{"sum":2}' });
  t.equal(mismatch.status, 422);
  t.equal(mismatch.headers['x-breakwater-reason'], 'idempotency-mismatch');
  const missing = await send(`${sidecar.url('pay')}/charges`, { method: 'POST', body: '{}' });
  t.equal(missing.status, 400);
  t.equal(missing.headers['x-breakwater-reason'], 'idempotency-key-missing');
  t.equal((await pay(sidecar, { headers: { Authorization: 'Bearer other' } })).status, 201);
  t.equal(upstream.charges(), 2);
  for (const result of ['conflict', 'mismatch']) t.equal(await counted(sidecar, result), 1);
});

t.test('retries a keyed POST with its body, and keeps what came in the end', async (t) => {
  const bodies: string[] = [];
  const upstream = await startUpstream(t, (request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      bodies.push(body);
      response.statusCode = bodies.length < 3 ? 503 : 200;
      response.end(`attempt ${bodies.length}`);
    });
  });
  // Longer than retry.bodyLimit: what was read for the key may be sent again as well.
  const body = 'x'.repeat(200_000);
  const sidecar = await startSidecar(
    t,
    `upstreams:
  pay:
    listen: 0
    target: "${upstream.url}"
    retry: { backoff: { baseDelay: 1ms } }
    idempotency: { header: X-Payment }`,
  );
  const headers = { 'X-Payment': 'p', 'Idempotency-Key': 'not looked at' };
  const first = await pay(sidecar, { body, headers });
  t.same([first.text, first.headers['x-breakwater-attempts']], ['attempt 3', '3']);
  const second = await pay(sidecar, { body, headers });
  t.same([second.text, second.headers['x-breakwater-attempts']], ['attempt 3', undefined]);
  t.strictSame(bodies, [body, body, body]);
});

t.test('a failure frees the key', async (t) => {
  let status = 500;
  const upstream = await startUpstream(t, (request, response) => {
    request.resume();
    request.on('end', () => {
      response.statusCode = status;
      response.end();
    });
  });
  const sidecar = await startSidecar(t, config(upstream.url, '', 'defaults: { retry: off }'));
  t.equal((await pay(sidecar)).status, 500);
  status = 404;
  t.equal((await pay(sidecar)).status, 404);
  status = 200;
  const repeat = await pay(sidecar);
  t.equal(repeat.status, 404, 'a 404 is a response');
  t.equal(repeat.headers['idempotency-replayed'], 'true');
});

t.test('a body longer than what is compared streams through', async (t) => {
  const lengths: number[] = [];
  const upstream = await startUpstream(t, (request, response) => {
    let length = 0;
    request.on('data', (chunk: Buffer) => (length += chunk.length));
    request.on('end', () => {
      lengths.push(length);
      response.end('ok');
    });
  });
  const sidecar = await startSidecar(t, config(upstream.url));
  const body = 'x'.repeat(3_000_000);
  t.equal((await pay(sidecar, { body })).text, 'ok');
  t.equal((await pay(sidecar, { body })).headers['idempotency-replayed'], 'true');
  t.equal((await pay(sidecar, { body: `${body}x` })).status, 422);
  t.same(lengths, [3_000_000]);
});

t.test('asks for the body with 100 Continue, and limits it', async (t) => {
  const upstream = await startPayments(t);
  const limits = 'limits: { bodyIdle: 200ms, maxRequestBody: 1KiB }';
  const sidecar = await startSidecar(t, config(upstream.url, '', limits));
  const head = 'POST / HTTP/1.1\r\nHost: a\r\nIdempotency-Key: c\r\nConnection: close\r\n';
  const socket = net.connect(sidecar.port('pay'), '127.0.0.1');
  let received = '';
  socket.on('data', (chunk) => (received += chunk.toString('latin1')));
  socket.write(`${head}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n`);
  await eventually('the body is asked for', () => received.startsWith('HTTP/1.1 100 Continue'));
  t.equal(upstream.charges(), 0);
  socket.write('{}');
  await eventually('the response is here', () => received.includes('HTTP/1.1 201'));
  const port = sidecar.port('pay');
  const silent = await sendRaw(port, `${head.replace(': c', ': d')}Content-Length: 9\r\n\r\n{}`);
  t.match(silent, /^HTTP\/1.1 408 /);
  const chunk = `800\r\n${'x'.repeat(0x800)}\r\n`;
  const large = await sendRaw(port, `${head}Transfer-Encoding: chunked\r\n\r\n${chunk}`);
  t.match(large, /^HTTP\/1.1 413 /);
  t.equal(upstream.charges(), 1);
});

/** A client that sends a payment and hangs up once it has reached the upstream. */
async function hangUp(sidecar: TestSidecar, upstream: { charges(): number }): Promise<void> {
  const socket = net.connect(sidecar.port('pay'), '127.0.0.1');
  socket.write(
    'POST /charges HTTP/1.1\r\nHost: a\r\nIdempotency-Key: k1\r\nContent-Length: 9\r\n\r\n{"sum":1}',
  );
  await eventually('the upstream is called', () => upstream.charges() === 1);
  socket.destroy();
}

t.test('without finishOnHangUp a client that hangs up frees the key', async (t) => {
  const upstream = await startPayments(t, () => new Promise(() => {}));
  const yaml = config(upstream.url, 'finishOnHangUp: false', 'shutdown: { grace: 0s }');
  const sidecar = await startSidecar(t, yaml);
  await hangUp(sidecar, upstream);
  await eventually('the exchange is over', async () => {
    return (await sidecar.metric('breakwater_requests_total', { status: '499' })) === 1;
  });
  pay(sidecar).catch(() => {});
  await eventually('the next one is let through', () => upstream.charges() === 2);
});

t.test('a client that gave up finds the response with its next request', async (t) => {
  let open!: (value?: unknown) => void;
  const gate = new Promise((resolve) => {
    open = resolve;
  });
  const upstream = await startPayments(t, () => gate);
  const sidecar = await startSidecar(t, config(upstream.url));
  await hangUp(sidecar, upstream);
  t.equal((await pay(sidecar)).status, 409);
  open();
  await eventually('the response is kept', async () => (await counted(sidecar, 'stored')) === 1);
  const response = await pay(sidecar);
  t.equal(response.headers['idempotency-replayed'], 'true');
  t.same(response.body, Buffer.from([1, 0, 255]));
  t.equal(upstream.charges(), 1);
  t.equal(await sidecar.metric('breakwater_requests_total', { status: '499' }), 1);
});

t.test('a stopping sidecar waits for a call that its client has left', async (t) => {
  let open!: (value?: unknown) => void;
  const gate = new Promise((resolve) => {
    open = resolve;
  });
  const upstream = await startPayments(t, () => gate);
  const sidecar = await startSidecar(t, config(upstream.url));
  await hangUp(sidecar, upstream);
  const events: string[] = [];
  upstream.responses[0]!.on('finish', () => events.push('responded'));
  upstream.responses[0]!.on('close', () => events.push('closed'));
  const port = sidecar.port('pay');
  const stopped = sidecar.stop().then(() => events.push('stopped'));
  await eventually('it takes no more', () => {
    const socket = net.connect(port, '127.0.0.1');
    const isRefused = once(socket, 'connect').then(
      () => false,
      () => true,
    );
    return isRefused.finally(() => socket.destroy());
  });
  // If it did not wait, its admin server would be closed at once as well.
  for (let i = 0; i < 50; i++) await send(`${sidecar.admin}/healthz`);
  t.same(events, []);
  open();
  await stopped;
  t.same(events.slice(0, 2), ['responded', 'closed']);
  t.equal(events.at(-1), 'stopped');
});

t.test('a reload keeps what is kept, in a store of another size as well', async (t) => {
  const upstream = await startPayments(t);
  const grace = 'shutdown: { grace: 0s }';
  const sidecar = await startSidecar(t, config(upstream.url, '', grace));
  await pay(sidecar);
  for (const stores of ['', 'stores: { maxBytes: 1MiB, maxRecordBytes: 1MiB }']) {
    sidecar.edit(config(upstream.url, 'ttl: 1h', `${grace}\n${stores}`));
    t.match(await sidecar.reload(), { kind: 'success' });
    t.equal((await pay(sidecar)).headers['idempotency-replayed'], 'true');
  }
  t.equal(upstream.charges(), 1);
});

t.test('a call that runs during a reload keeps its key', async (t) => {
  let open!: (value?: unknown) => void;
  const gate = new Promise((resolve) => {
    open = resolve;
  });
  const upstream = await startPayments(t, () => gate);
  const sidecar = await startSidecar(t, config(upstream.url));
  const first = pay(sidecar);
  await eventually('the upstream is called', () => upstream.charges() === 1);
  sidecar.edit(config(upstream.url, '', 'stores: { maxRecordBytes: 1KiB }'));
  t.match(await sidecar.reload(), { kind: 'success' });
  t.equal((await pay(sidecar)).status, 409);
  open();
  t.equal((await first).status, 201);
  t.equal(upstream.charges(), 1);
});

t.test('a repeat waits for the first one where it is told to', async (t) => {
  let open!: (value?: unknown) => void;
  const gate = new Promise((resolve) => {
    open = resolve;
  });
  const upstream = await startPayments(t, () => gate);
  const sidecar = await startSidecar(t, config(upstream.url, 'wait: 30s'));
  const first = pay(sidecar);
  await eventually('the upstream is called', () => upstream.charges() === 1);
  const second = pay(sidecar);
  for (let i = 0; i < 20; i++) await send(`${sidecar.admin}/healthz`);
  open();
  t.equal((await first).headers['idempotency-replayed'], undefined);
  t.equal((await second).headers['idempotency-replayed'], 'true');
  t.equal(upstream.charges(), 1);
});

t.test('where there is no room, a call goes on unprotected, or is refused', async (t) => {
  const upstream = await startPayments(t);
  const room = 'stores: { maxRecordBytes: 100B }';
  const sidecar = await startSidecar(t, config(upstream.url, '', room));
  t.equal((await pay(sidecar)).status, 201);
  t.equal(await counted(sidecar, 'error'), 1);
  const strict = await startSidecar(t, config(upstream.url, 'failClosed: true', room));
  const refused = await pay(strict);
  t.equal(refused.status, 503);
  t.equal(refused.headers['x-breakwater-reason'], 'store-unavailable');
  t.equal(upstream.charges(), 1);
});

const onServer = { skip: withoutRedis };

t.test('two sidecars over one Redis agree', onServer, async (t) => {
  const redis = await startRedis(t);
  let open!: (value?: unknown) => void;
  let gate!: Promise<unknown>;
  const upstream = await startPayments(t, () => gate);
  // On a machine that is busy a reply of the store may come too late: then no call may go on without it.
  const yaml = config(upstream.url, 'failClosed: true', redisStore(redis.url));
  const sidecars = [await startSidecar(t, yaml), await startSidecar(t, yaml)];
  const countedByBoth = async (...results: string[]) => {
    const counts = sidecars.flatMap((sidecar) => results.map((each) => counted(sidecar, each)));
    return (await Promise.all(counts)).reduce((sum, count) => sum + count);
  };

  /** Ten calls at once. @returns the response, or undefined where the store was too late for the one to be served or kept. */
  async function race(key: string): Promise<Buffer | undefined> {
    gate = new Promise((resolve) => {
      open = resolve;
    });
    const before = {
      charges: upstream.charges(),
      refused: await countedByBoth('conflict', 'error'),
      stored: await countedByBoth('stored'),
    };
    const calls = Array.from({ length: 10 }, (_, i) =>
      pay(sidecars[i % 2]!, { headers: { 'Idempotency-Key': key } }),
    );
    await eventually('all but one are refused', async () => {
      return (await countedByBoth('conflict', 'error')) - before.refused >= 9;
    });
    open();
    const responses = await Promise.all(calls);
    const served = responses.filter(({ status }) => status === 201);
    const refused = responses.filter(({ status }) => status === 409 || status === 503);
    t.equal(served.length + refused.length, 10);
    t.ok(served.length <= 1, `${served.length} are served`);
    t.equal(upstream.charges() - before.charges, served.length);
    return (await countedByBoth('stored')) > before.stored ? served[0]?.body : undefined;
  }

  let key = '';
  let response: Buffer | undefined;
  await eventually('one is served', async () => {
    key += 'k';
    response = await race(key);
    return response !== undefined;
  });
  const charges = upstream.charges();
  const headers = { 'Idempotency-Key': key };
  for (const sidecar of sidecars) {
    await eventually('a repeat has its response', async () => {
      const repeat = await pay(sidecar, { headers });
      if (repeat.status === 503) return false;
      t.same(repeat.body, response);
      t.equal(repeat.headers['idempotency-replayed'], 'true');
      return true;
    });
    await eventually('another request is refused', async () => {
      return (await pay(sidecar, { headers, body: '{}' })).status === 422;
    });
  }
  t.equal(upstream.charges(), charges);
});

t.test(
  'a burst of one key over two sidecars runs once, also without failClosed',
  onServer,
  async (t) => {
    const redis = await startRedis(t);
    const upstream = await startPayments(t);
    const yaml = config(upstream.url, '', redisStore(redis.url));
    const sidecars = [await startSidecar(t, yaml), await startSidecar(t, yaml)];
    const calls = Array.from({ length: 300 }, (_, i) => pay(sidecars[i % 2]!));
    const statuses = new Set((await Promise.all(calls)).map(({ status }) => status));
    statuses.delete(409);
    t.same([...statuses], [201]);
    t.equal(upstream.charges(), 1);
    for (const sidecar of sidecars) t.equal(await counted(sidecar, 'error'), 0);
  },
);

t.test('calls go on when Redis dies or hangs, and it heals by itself', onServer, async (t) => {
  const redis = await startRedis(t);
  const upstream = await startPayments(t);
  const sidecar = await startSidecar(t, config(upstream.url, '', redisStore(redis.url)));
  const storeLines = () => sidecar.logs.filter((line) => line['store'] === 'redis');
  let keys = 0;
  const fresh = () => pay(sidecar, { headers: { 'Idempotency-Key': `fresh-${++keys}` } });
  const isHealed = async () => {
    const before = await counted(sidecar, 'stored');
    await fresh();
    return (await counted(sidecar, 'stored')) > before;
  };

  /** The longest of a few calls, in ms. */
  async function slowest(): Promise<number> {
    let longest = 0;
    for (let i = 0; i < 10; i++) {
      const startMs = performance.now();
      t.equal((await fresh()).status, 201);
      longest = Math.max(longest, performance.now() - startMs);
    }
    return longest;
  }

  await slowest();
  const errors = () => counted(sidecar, 'error');
  /** The slowest call without the store; how long it waits for one is for the tests of the store to say. */
  async function measure(begin: () => unknown, end: () => unknown): Promise<number> {
    await begin();
    const before = await errors();
    const longest = await slowest();
    t.equal((await errors()) - before, 10, 'calls without the store are counted');
    await end();
    await eventually('it is used again', isHealed);
    return longest;
  }

  // A call that waited for the store would wait until its connection is given up, after 5 s.
  const deadMs = await measure(
    () => redis.kill(),
    () => redis.start(),
  );
  t.ok(deadMs < 4000, `dead: ${deadMs} ms`);
  const hangingMs = await measure(
    () => redis.hang(),
    () => redis.goOn(),
  );
  t.ok(hangingMs < 4000, `hanging: ${hangingMs} ms`);
  const levels = storeLines().map(({ level }) => level);
  t.ok(levels.length >= 5);
  t.same(
    levels,
    levels.map((_, i) => (i % 2 === 0 ? 'info' : 'warn')),
    'one line per change',
  );
});

t.test(
  'a kept response is sent while Redis can be read, but not written to',
  onServer,
  async (t) => {
    const redis = await startRedis(t);
    const upstream = await startPayments(t);
    const sidecar = await startSidecar(t, config(upstream.url, '', redisStore(redis.url)));
    const kept = await pay(sidecar);
    const troubles = {
      full: [
        ['CONFIG', 'SET', 'maxmemory', '1'],
        ['CONFIG', 'SET', 'maxmemory', '0'],
      ],
      'read-only': [
        ['REPLICAOF', '127.0.0.1', String(NO_PORT)],
        ['REPLICAOF', 'NO', 'ONE'],
      ],
    };
    for (const [trouble, [begin, end]] of Object.entries(troubles)) {
      await redis.command(...begin!);
      const before = upstream.charges();
      for (let i = 0; i < 3; i++) {
        const repeat = await pay(sidecar);
        t.equal(repeat.headers['idempotency-replayed'], 'true', trouble);
        t.same(repeat.body, kept.body);
      }
      t.equal(upstream.charges(), before);
      const headers = { 'Idempotency-Key': trouble };
      const errors = await counted(sidecar, 'error');
      t.equal((await pay(sidecar, { headers })).status, 201, 'a new key is not protected');
      t.equal(await counted(sidecar, 'error'), errors + 1);
      const stored = await counted(sidecar, 'stored');
      await redis.command(...end!);
      await eventually(
        'its response is kept once that is possible',
        async () => (await counted(sidecar, 'stored')) > stored,
      );
      t.equal((await pay(sidecar, { headers })).headers['idempotency-replayed'], 'true');
      t.equal(upstream.charges(), before + 1);
    }
  },
);

t.test('failClosed refuses while Redis is away, at the start already', onServer, async (t) => {
  const redis = await startRedis(t);
  await redis.kill();
  const upstream = await startPayments(t);
  const yaml = config(upstream.url, 'failClosed: true', redisStore(redis.url));
  const sidecar = await startSidecar(t, yaml);
  t.same(await sidecar.json('/readyz'), { status: 'ready' });
  const refused = await pay(sidecar);
  t.equal(refused.status, 503);
  t.equal(refused.headers['x-breakwater-reason'], 'store-unavailable');
  t.equal(refused.headers['retry-after'], '1');
  t.equal(upstream.charges(), 0);
  await redis.start();
  await eventually('it is let through', async () => (await pay(sidecar)).status === 201);
  t.equal(upstream.charges(), 1);
});

t.test('the password of the store is not shown', async (t) => {
  const stores = 'stores: { kind: redis, url: "rediss://me:s3cret@127.0.0.1:1/2" }';
  const sidecar = await startSidecar(t, config('http://127.0.0.1:1', '', stores));
  const { stores: shown } = (await sidecar.json('/config')) as { stores: unknown };
  t.same(shown, {
    kind: 'redis',
    url: 'rediss://me:***@127.0.0.1:1/2',
    mode: 'single',
    keyPrefix: 'breakwater:',
    timeout: '500ms',
  });
  t.notMatch(JSON.stringify(sidecar.logs), 's3cret');
});
