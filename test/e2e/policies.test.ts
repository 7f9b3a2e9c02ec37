import type http from 'node:http';
import t from 'tap';
import {
  eventually,
  send,
  sendRaw,
  startRawUpstream,
  startSidecar,
  startUpstream,
} from '../support/sidecar.js';

const FAST_RETRY = 'retry: { backoff: { baseDelay: 1ms, jitter: none } }';

t.test('masks a failing attempt and says how many it took', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => {
    response.statusCode = upstream.seen.length < 3 ? 503 : 200;
    response.end('response');
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}", ${FAST_RETRY} } }`,
  );
  const received = await send(`${sidecar.url('a')}/`);
  t.equal(received.status, 200);
  t.equal(received.headers['x-breakwater-attempts'], '3');
  const ids = upstream.seen.map((request) => request.headers['x-request-id']);
  t.equal(new Set(ids).size, 1, 'one id for all attempts');
  t.same(
    upstream.seen.map((request) => request.headers['x-attempt-count']),
    ['1', '2', '3'],
  );
  t.equal(await sidecar.metric('breakwater_retries_total', { upstream: 'a', cause: 'status' }), 2);
  t.equal(await sidecar.metric('breakwater_attempts_total', { outcome: 'failure' }), 2);
});

t.test('passes the last response on unchanged when the attempts run out', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => {
    response.writeHead(503, { 'X-Own': 'yes' });
    response.end(`failure ${upstream.seen.length}`);
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}", ${FAST_RETRY} } }`,
  );
  const received = await send(`${sidecar.url('a')}/`);
  t.equal(received.status, 503);
  t.equal(received.text, 'failure 3');
  t.equal(received.headers['x-own'], 'yes');
  t.equal(received.headers['x-breakwater-reason'], undefined);
});

t.test('repeats a body byte for byte, and a POST only with an idempotency key', async (t) => {
  const bodies: string[] = [];
  const upstream = await startUpstream(t, (request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      bodies.push(body);
      response.statusCode = 503;
      response.end();
    });
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}", ${FAST_RETRY} } }`,
  );
  const url = `${sidecar.url('a')}/`;
  await send(url, { method: 'POST', body: 'x'.repeat(1000) });
  t.equal(bodies.length, 1);
  await send(url, { method: 'POST', body: 'y'.repeat(1000), headers: { 'Idempotency-Key': 'k' } });
  t.same(bodies.slice(1), ['y'.repeat(1000), 'y'.repeat(1000), 'y'.repeat(1000)]);
  t.equal(await sidecar.metric('breakwater_retries_denied_total', { cause: 'method' }), 1);
});

t.test('lets a body over bodyLimit go through, without another attempt', async (t) => {
  let received = 0;
  const upstream = await startUpstream(t, (request, response) => {
    request.on('data', (chunk: Buffer) => (received += chunk.length));
    request.on('end', () => {
      response.statusCode = 503;
      response.end();
    });
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}", ${FAST_RETRY} } }`,
  );
  const reply = await send(`${sidecar.url('a')}/`, { method: 'PUT', body: Buffer.alloc(200_000) });
  t.equal(reply.status, 503);
  t.equal(received, 200_000);
  t.equal(upstream.seen.length, 1);
  t.equal(await sidecar.metric('breakwater_retries_denied_total', { cause: 'body' }), 1);
});

t.test(
  'tells the upstream the deadline minus the buffer, and ends the call when it comes',
  async (t) => {
    const upstream = await startUpstream(t, () => {});
    const sidecar = await startSidecar(
      t,
      `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
    );
    const deadline = (Date.now() + 1000) / 1000;
    const response = await send(`${sidecar.url('a')}/`, {
      headers: { 'X-Deadline': deadline.toFixed(3) },
    });
    const lateMs = Date.now() - deadline * 1000;
    t.equal(response.status, 504);
    t.equal(response.headers['x-breakwater-reason'], 'deadline-expired');
    // Without the deadline it would be timeout.attempt that ends it, after 10 s.
    t.ok(lateMs > -60 && lateMs < 5000, `ended ${lateMs} ms after the deadline`);
    const told = Number(upstream.seen[0]!.headers['x-deadline']);
    t.ok(Math.abs(told - (deadline - 0.05)) < 0.005, `told ${told}`);
    const expired = await send(`${sidecar.url('a')}/`, { headers: { 'X-Deadline': '1000000000' } });
    t.equal(expired.status, 504);
    t.equal(upstream.seen.length, 1, 'the upstream is not called');
  },
);

t.test(
  'responds 504 timeout-attempt, timeout-total and timeout-connect by what was over',
  async (t) => {
    const hanging = await startUpstream(t, () => {});
    const sidecar = await startSidecar(
      t,
      `upstreams:
  attempt: { listen: 0, target: "${hanging.url}", timeout: { attempt: 100ms }, retry: off }
  total: { listen: 0, target: "${hanging.url}", timeout: { total: 500ms }, retry: off }`,
    );
    const attempt = await send(`${sidecar.url('attempt')}/`);
    t.equal(attempt.status, 504);
    t.equal(attempt.headers['x-breakwater-reason'], 'timeout-attempt');
    const total = await send(`${sidecar.url('total')}/`);
    t.equal(total.status, 504);
    t.equal(total.headers['x-breakwater-reason'], 'timeout-total');
    t.equal(await sidecar.metric('breakwater_attempts_total', { outcome: 'timeout' }), 2);
  },
);

t.test('responds 504 timeout-attempt however the body of the request came', async (t) => {
  const hanging = await startRawUpstream(t, (socket) => void socket.resume());
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${hanging.url}", timeout: { attempt: 100ms, total: 5s }, retry: off } }`,
  );
  for (const [framing, body] of [
    ['Content-Length: 5', 'whole'],
    ['Content-Length: 30000', 'w'.repeat(30_000)],
    ['Transfer-Encoding: chunked', '5\r\nwhole\r\n0\r\n\r\n'],
  ] as const) {
    const head = `POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${framing}\r\n\r\n`;
    const response = await sendRaw(sidecar.port('a'), head + body);
    t.match(response, /X-Breakwater-Reason: timeout-attempt/, framing);
  }
});

t.test('cuts the client off when a response falls silent', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => {
    response.writeHead(200, { 'Content-Length': '10' });
    response.write('part');
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}", timeout: { idle: 100ms } } }`,
  );
  await t.rejects(send(`${sidecar.url('a')}/`), { code: 'ECONNRESET' });
  t.equal(await sidecar.metric('breakwater_requests_total', { reason: 'timeout-attempt' }), 1);
  t.equal(await sidecar.metric('breakwater_bulkhead_active'), 0);
});

t.test('does not hold an event stream to total and idle, only to stream', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    let events = 0;
    const timer = setInterval(() => {
      response.write(`data: ${++events}\n\n`);
      if (events === 6) {
        clearInterval(timer);
        response.end();
      }
    }, 150);
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}", timeout: { total: 500ms, idle: 50ms, stream: 10s } } }`,
  );
  t.match((await send(`${sidecar.url('a')}/`)).text, /data: 6/);
});

t.test(
  'lets no more exchanges through than the bulkhead has slots, and queues the rest in order',
  async (t) => {
    const waiting: http.ServerResponse[] = [];
    const order: string[] = [];
    const upstream = await startUpstream(t, (request, response) => {
      order.push(request.url!);
      waiting.push(response);
    });
    const sidecar = await startSidecar(
      t,
      `upstreams: { a: { listen: 0, target: "${upstream.url}", bulkhead: { maxConcurrent: 1, maxQueue: 2, queueTimeout: 5s } } }`,
    );
    const url = sidecar.url('a');
    const queued = (count: number) => async () =>
      (await sidecar.metric('breakwater_bulkhead_queued')) === count;
    const calls = [send(`${url}/1`)];
    await eventually('the first is upstream', () => waiting.length === 1);
    calls.push(send(`${url}/2`));
    await eventually('the second queues', queued(1));
    calls.push(send(`${url}/3`));
    await eventually('the third queues', queued(2));
    const refused = await send(`${url}/4`);
    t.equal(refused.status, 503);
    t.equal(refused.headers['x-breakwater-reason'], 'bulkhead-full');
    t.ok(Number(refused.headers['retry-after']) >= 1);
    for (let i = 0; i < 3; i++) {
      await eventually('the next is upstream', () => waiting.length === i + 1);
      waiting[i]!.end('ok');
    }
    t.same(
      (await Promise.all(calls)).map((response) => response.status),
      [200, 200, 200],
    );
    t.same(order, ['/1', '/2', '/3']);
    t.equal(await sidecar.metric('breakwater_bulkhead_active'), 0);
    t.equal(await sidecar.metric('breakwater_rejections_total', { reason: 'bulkhead-full' }), 1);
  },
);

t.test('opens the circuit at the threshold, refuses at once, probes, and closes', async (t) => {
  let isBroken = true;
  const upstream = await startUpstream(t, (_request, response) => {
    response.statusCode = isBroken ? 500 : 200;
    response.end();
  });
  const sidecar = await startSidecar(
    t,
    `upstreams:
  a:
    listen: 0
    target: "${upstream.url}"
    retry: off
    circuitBreaker: { failureThreshold: 3, recoveryTimeout: 300ms, successThreshold: 2 }`,
  );
  const url = `${sidecar.url('a')}/`;
  for (let i = 0; i < 3; i++) t.equal((await send(url)).status, 500);
  const refused = await send(url);
  t.equal(refused.status, 503);
  t.equal(refused.headers['x-breakwater-reason'], 'circuit-open');
  t.equal(refused.headers['retry-after'], '1');
  t.equal((JSON.parse(refused.text) as { attempts: number }).attempts, 0);
  t.equal(upstream.seen.length, 3);
  t.match(await sidecar.json('/circuits'), {
    circuits: [{ upstream: 'a', route: '', state: 'open', consecutiveFailures: 3 }],
  });
  isBroken = false;
  await eventually(
    'it is half-open',
    async () => (await sidecar.metric('breakwater_circuit_state', { state: 'half-open' })) === 1,
  );
  t.equal((await send(url)).status, 200);
  t.equal((await send(url)).status, 200);
  t.equal(await sidecar.metric('breakwater_circuit_state', { state: 'closed' }), 1);
  t.equal(
    await sidecar.metric('breakwater_circuit_transitions_total', {
      from: 'half-open',
      to: 'closed',
    }),
    1,
  );
  t.ok(
    sidecar.logs.some((line) => line['rule'] === 'failureThreshold' && line['upstream'] === 'a'),
  );
});

t.test('gives a route that writes a circuit breaker one of its own', async (t) => {
  const upstream = await startUpstream(t, (request, response) => {
    response.statusCode = request.url!.startsWith('/search') ? 500 : 200;
    response.end();
  });
  const sidecar = await startSidecar(
    t,
    `upstreams:
  a:
    listen: 0
    target: "${upstream.url}"
    retry: off
    routes:
      - { name: search, match: { methods: [GET], path: "/search/*" }, circuitBreaker: { failureThreshold: 2 } }`,
  );
  const url = sidecar.url('a');
  await send(`${url}/search/1`);
  await send(`${url}/x/../search/2`);
  t.equal((await send(`${url}/search/3`)).headers['x-breakwater-reason'], 'circuit-open');
  t.equal((await send(`${url}/other`)).status, 200);
  t.match(await sidecar.json('/circuits'), {
    circuits: [
      { upstream: 'a', route: '', state: 'closed' },
      { upstream: 'a', route: 'search', state: 'open' },
    ],
  });
});

t.test('gives each route a circuit of its own where the scope says so', async (t) => {
  const upstream = await startUpstream(t, (request, response) => {
    response.statusCode = request.url!.startsWith('/report') ? 500 : 200;
    response.end();
  });
  const file = (scope: string) => `upstreams:
  a:
    listen: 0
    target: "${upstream.url}"
    retry: off
    circuitBreaker: { scope: ${scope}, failureThreshold: 2 }
    routes:
      - { name: report, match: { path: "/report/*" } }
      - { name: quick, match: { path: "/quick/*" }, timeout: { attempt: 1s } }`;
  const sidecar = await startSidecar(t, file('route'));
  const url = sidecar.url('a');
  const circuits = [
    { upstream: 'a', route: '', state: 'closed' },
    { upstream: 'a', route: 'report', state: 'closed' },
    { upstream: 'a', route: 'quick', state: 'closed' },
  ];
  t.match(await sidecar.json('/circuits'), { circuits }, 'they are there before the first call');
  for (let i = 0; i < 2; i++) await send(`${url}/report/1`);
  t.equal((await send(`${url}/report/1`)).headers['x-breakwater-reason'], 'circuit-open');
  t.equal((await send(`${url}/quick/1`)).status, 200);
  t.equal((await send(`${url}/elsewhere`)).status, 200);
  for (const [route, isOpen] of [
    ['report', 1],
    ['quick', 0],
    ['', 0],
  ] as const) {
    const labels = { route, state: 'open' };
    t.equal(await sidecar.metric('breakwater_circuit_state', labels), isOpen, route);
  }
  const body = '{"state": "forced-open"}';
  const forced = await send(`${sidecar.admin}/circuits/a/quick`, { method: 'PUT', body });
  t.equal(forced.status, 200);
  t.equal((await send(`${url}/quick/1`)).headers['x-breakwater-reason'], 'circuit-open');
  t.equal((await send(`${url}/elsewhere`)).status, 200);

  sidecar.edit(file('upstream'));
  await sidecar.reload();
  t.match(await sidecar.json('/circuits'), {
    circuits: [{ upstream: 'a', route: '', state: 'closed' }],
  });
  t.equal((await send(`${url}/quick/1`)).status, 200);
});

t.test("a hanging route's retries do not open the circuit for the others", async (t) => {
  const upstream = await startUpstream(t, (request, response) => {
    if (!request.url!.startsWith('/report')) response.end();
  });
  const sidecar = await startSidecar(
    t,
    `upstreams:
  a:
    listen: 0
    target: "${upstream.url}"
    timeout: { attempt: 50ms }
    retry: { budget: off, backoff: { baseDelay: 1ms } }
    circuitBreaker: { failureThreshold: 20 }`,
  );
  const url = sidecar.url('a');
  // One third of the calls, but 60% of the attempts.
  for (let i = 0; i < 12; i++) {
    const statuses = await Promise.all(
      ['report', 'quick', 'quick'].map(async (path) => (await send(`${url}/${path}`)).status),
    );
    t.same(statuses, [504, 200, 200]);
  }
  const { circuits } = (await sidecar.json('/circuits')) as {
    circuits: readonly { state: string; failureRate: number }[];
  };
  const { state, failureRate } = circuits[0]!;
  t.equal(state, 'closed');
  // On a busy machine, one of the others may not be in time at once.
  t.ok(failureRate >= 1 / 3 && failureRate < 0.5, `a failure rate of ${failureRate}`);
});

t.test(
  'retries an idle connection that the upstream closed under it, without counting it',
  async (t) => {
    let connections = 0;
    const upstream = await startRawUpstream(t, (socket) => {
      connections += 1;
      const isFirst = connections === 1;
      let requests = 0;
      socket.on('data', () => {
        requests += 1;
        // The first connection dies at the very moment its second request comes in.
        if (isFirst && requests === 2) socket.destroy();
        else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      });
    });
    const sidecar = await startSidecar(
      t,
      `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
    );
    t.equal((await send(`${sidecar.url('a')}/1`)).status, 200);
    t.equal((await send(`${sidecar.url('a')}/2`)).status, 200);
    t.equal(connections, 2);
    t.equal(await sidecar.metric('breakwater_retries_total', { cause: 'stale' }), 1);
    t.match(await sidecar.json('/circuits'), { circuits: [{ consecutiveFailures: 0 }] });
    t.equal(await sidecar.metric('breakwater_retry_budget_remaining', { upstream: 'a' }), 30);
  },
);

t.test('forces a circuit open and gives it back', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end());
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const put = (body: unknown) =>
    send(`${sidecar.admin}/circuits/a`, {
      method: 'PUT',
      body: JSON.stringify(body),
      headers: { 'Content-Type': 'application/json' },
    });
  t.equal((await put({ state: 'forced-open', ttl: '10m' })).status, 200);
  t.equal((await send(`${sidecar.url('a')}/`)).status, 503);
  t.equal((await put({ state: 'auto' })).status, 200);
  t.equal((await send(`${sidecar.url('a')}/`)).status, 200);
});
