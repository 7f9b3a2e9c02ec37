/** Faults on purpose, as clients, circuits, endpoints, metrics and the log see them. */
import { once } from 'node:events';
import t from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { createGrpcClient, startGrpcServer } from '../support/grpc.js';
import { ask, connectHttp2 } from '../support/http2-client.js';
import {
  eventually,
  send,
  startSidecar,
  startUpstream,
  type Teardown,
  type TestSidecar,
} from '../support/sidecar.js';

/** A good upstream behind a sidecar. */
async function open(t: Teardown, keys: string) {
  const upstream = await startUpstream(t, (request, response) => {
    request.resume();
    request.on('end', () => response.end('here'));
  });
  const sidecar = await startSidecar(
    t,
    `log: { access: all }\nupstreams: { a: { listen: 0, target: "${upstream.url}", ${keys} } }`,
  );
  const call = (path = '/', options: Parameters<typeof send>[1] = {}) =>
    send(sidecar.url('a') + path, options);
  return { upstream, sidecar, call };
}

const put = async (sidecar: TestSidecar, path: string, order: object) => {
  const body = JSON.stringify(order);
  const response = await fetch(sidecar.admin + path, { method: 'PUT', body });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};

const exchangesIn = ({ logs }: TestSidecar) => logs.filter(({ msg }) => msg === 'exchange');

const injected = (sidecar: TestSidecar, kind: string) =>
  sidecar.metric('breakwater_faults_injected_total', { upstream: 'a', kind });

t.test(
  'an abort looks like a response of the upstream, and says beside it that it is none',
  async (t) => {
    const { upstream, sidecar, call } = await open(
      t,
      'retry: off, fault: { abort: { status: 500 } }',
    );
    const response = await call();
    t.equal(response.status, 500);
    t.equal(response.headers['x-breakwater-fault'], 'abort');
    t.equal(response.headers['x-breakwater-reason'], undefined);
    t.match(response.text, 'A fault was injected');
    t.equal(upstream.seen.length, 0);
    t.equal(await injected(sidecar, 'abort'), 1);
    t.equal(await sidecar.metric('breakwater_attempts_total', { outcome: 'failure' }), 1);
    t.equal(await sidecar.metric('breakwater_requests_total', { status: '5xx', reason: '' }), 1);
    const [line] = exchangesIn(sidecar);
    t.match(line, { status: 500, upstreamStatus: 500, outcomes: ['failure'], faults: ['abort'] });
    const head = await call('/', { method: 'HEAD' });
    t.match(head, { status: 500, text: '' });
  },
);

t.test('retries and the circuit see faults as the doing of the upstream', async (t) => {
  const { upstream, sidecar, call } = await open(
    t,
    'retry: { backoff: { baseDelay: 1ms } }, circuitBreaker: { failureThreshold: 5 }, fault: { abort: on, first: 7 }',
  );
  t.match(await call(), { status: 503, headers: { 'x-breakwater-attempts': '3' } });
  t.match((await call()).headers, { 'x-breakwater-fault': 'abort' });
  t.match((await call()).headers, { 'x-breakwater-reason': 'circuit-open' });
  t.equal(await injected(sidecar, 'abort'), 5, 'an open circuit makes no attempts');
  t.equal(upstream.seen.length, 0);
});

t.test('the first attempts fail, and then the call succeeds', async (t) => {
  const { upstream, sidecar, call } = await open(
    t,
    'retry: { backoff: { baseDelay: 1ms } }, fault: { reset: on, first: 2 }',
  );
  const response = await call();
  t.match(response, { status: 200, text: 'here' });
  t.equal(response.headers['x-breakwater-attempts'], '3');
  t.equal(response.headers['x-breakwater-fault'], undefined);
  t.equal(upstream.seen.length, 1);
  t.match(exchangesIn(sidecar)[0], {
    outcomes: ['reset', 'reset', 'success'],
    faults: ['reset', 'reset'],
  });
});

t.test('a reset is a connection that breaks: a POST is not sent again', async (t) => {
  const { upstream, sidecar, call } = await open(t, 'fault: { reset: on }');
  const response = await call('/', { method: 'POST', body: 'order' });
  t.match(response, { status: 502, headers: { 'x-breakwater-reason': 'upstream-reset' } });
  t.match(response.text, 'a reset was injected; the upstream was not called');
  t.equal(upstream.seen.length, 0);
  t.match(exchangesIn(sidecar)[0], { attempts: 1, outcomes: ['reset'], faults: ['reset'] });
  const { upstreams } = (await sidecar.json('/upstreams')) as { upstreams: object[] };
  t.match(upstreams[0], { lastError: { message: /a reset was injected/ } });
});

t.test(
  'a delay counts towards the timeout of the attempt, and the upstream has got its request',
  async (t) => {
    const { upstream, sidecar, call } = await open(
      t,
      'retry: off, timeout: { attempt: 200ms }, fault: { delay: { time: 30s } }',
    );
    t.match((await call()).headers, { 'x-breakwater-reason': 'timeout-attempt' });
    t.equal(upstream.seen.length, 1);
    t.match(exchangesIn(sidecar)[0], { status: 504, outcomes: ['timeout'], faults: ['delay'] });
    const body = 'x'.repeat(1000);
    t.match((await call('/', { method: 'POST', body })).headers, {
      'x-breakwater-reason': 'timeout-attempt',
    });
  },
);

t.test('a delayed response comes as it is', async (t) => {
  const { call } = await open(t, 'fault: { delay: { time: 200ms } }');
  const beganMs = Date.now();
  t.match(await call('/', { method: 'POST', body: 'x' }), { status: 200, text: 'here' });
  t.ok(Date.now() - beganMs >= 195);
});

t.test('a long response is held back, and then comes as a whole', async (t) => {
  const body = Buffer.alloc(3_000_000, 'x');
  const upstream = await startUpstream(t, (_, response) => response.end(body));
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}", fault: { delay: { time: 200ms } } } }`,
  );
  // The second one over the same connection.
  for (let i = 0; i < 2; i++) {
    t.ok((await send(`${sidecar.url('a')}/`)).body.equals(body));
  }
});

t.test('a client that leaves ends a delay', async (t) => {
  const { sidecar } = await open(t, 'fault: { delay: { time: 1h } }, timeout: off');
  const controller = new AbortController();
  const gone = fetch(sidecar.url('a'), { signal: controller.signal });
  await eventually('the delay has begun', async () => (await injected(sidecar, 'delay')) === 1);
  controller.abort();
  await t.rejects(gone);
  await eventually('it is over', () => exchangesIn(sidecar).length === 1);
  t.match(exchangesIn(sidecar)[0], { status: 499, outcomes: ['cancelled'] });
});

t.test('an endpoint whose attempts fail on purpose is ejected', async (t) => {
  const first = await startUpstream(t, (_, response) => response.end('a'));
  const second = await startUpstream(t, (_, response) => response.end('b'));
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, targets: ["${first.url}", "${second.url}"], retry: off, ejection: { consecutiveFailures: 2 }, fault: { abort: on, first: 4 } } }`,
  );
  for (let i = 0; i < 4; i++) await send(`${sidecar.url('a')}/`);
  t.equal(await sidecar.metric('breakwater_endpoints', { state: 'ejected' }), 1);
});

t.test('a hedge goes beside an attempt that is slow on purpose', async (t) => {
  const first = await startUpstream(t, (_, response) => response.end('here'));
  const second = await startUpstream(t, (_, response) => response.end('here'));
  const sidecar = await startSidecar(
    t,
    `log: { access: all }\nupstreams: { a: { listen: 0, targets: ["${first.url}", "${second.url}"], hedge: { after: 50ms }, fault: { delay: { time: 30s }, first: 1 } } }`,
  );
  const received = await send(`${sidecar.url('a')}/`);
  t.match(received, { status: 200, text: 'here' });
  t.equal(await sidecar.metric('breakwater_hedges_total', { result: 'won' }), 1);
  t.match(exchangesIn(sidecar)[0], { attempts: 2, faults: ['delay'] });
});

t.test('a request asks for a fault by a header, which the upstream does not get', async (t) => {
  const { upstream, call } = await open(
    t,
    'retry: { backoff: { baseDelay: 1ms } }, fault: { header: X-Breakwater-Fault }',
  );
  const asking = (value: string) => call('/', { headers: { 'x-breakwater-fault': value } });
  t.match(await asking('abort=404'), { status: 404, headers: { 'x-breakwater-fault': 'abort' } });
  t.equal(upstream.seen.length, 0);
  t.match(await asking('reset, first=1'), {
    status: 200,
    headers: { 'x-breakwater-attempts': '2' },
  });
  t.equal(upstream.seen[0]!.headers['x-breakwater-fault'], undefined);
  const refused = await asking('abort=5003');
  t.match(refused, { status: 400, headers: { 'x-breakwater-reason': 'invalid-fault' } });
  t.match(JSON.parse(refused.text), { attempts: 0, detail: /"abort=5003".*abort=503/ });
});

t.test('clients of HTTP/2 see the same', async (t) => {
  const { sidecar } = await open(t, 'retry: off, fault: { header: X-Breakwater-Fault }');
  const session = connectHttp2(t, sidecar.url('a'));
  const asking = (value: string) => ask(session, { headers: { 'x-breakwater-fault': value } });
  t.match(await asking('abort=503'), {
    status: 503,
    headers: { 'x-breakwater-fault': 'abort' },
    text: /A fault was injected/,
  });
  t.match(await asking('reset'), { status: 502 });
  t.match(await asking('delay=50ms'), { status: 200, text: 'here' });
});

const PATH = '/shop.Cart/Get';

t.test('gRPC calls get a gRPC status, and judge by it', async (t) => {
  const server = await startGrpcServer(t, (call) => call.respond('good'));
  const sidecar = await startSidecar(
    t,
    `log: { access: all }\nupstreams: { a: { listen: 0, target: "${server.url}", retry: off, circuitBreaker: { failureThreshold: 3 }, fault: { header: X-Breakwater-Fault } } }`,
  );
  const client = createGrpcClient(t, sidecar.url('a'));
  const asking = (value: string) => client.call(PATH, { 'x-breakwater-fault': value });
  t.match(await asking('abort=403'), {
    isTrailersOnly: true,
    status: '7',
    head: { 'x-breakwater-fault': 'abort' },
  });
  t.match(await asking('delay=50ms'), { status: '0', messages: ['good'] });
  t.equal(server.calls.length, 1);
  t.match(await asking('reset'), {
    status: '14',
    head: { 'x-breakwater-reason': 'upstream-reset' },
  });
  t.match(await asking('nonsense'), {
    status: '3',
    head: { 'x-breakwater-reason': 'invalid-fault' },
  });
  for (let i = 0; i < 2; i++) t.match(await asking('abort=503'), { status: '14' });
  t.match((await asking('abort=503')).head, { 'x-breakwater-reason': 'circuit-open' });
  t.match(exchangesIn(sidecar)[0], { grpcCode: 'PERMISSION_DENIED', faults: ['abort'] });
  t.equal(server.calls.length, 1);
});

t.test(
  'the handshake of a WebSocket can fail or be late; what follows it is left alone',
  async (t) => {
    const { upstream, sidecar } = await open(
      t,
      'retry: off, fault: { header: X-Breakwater-Fault }',
    );
    const sockets = new WebSocketServer({ server: upstream.server });
    sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
    t.teardown(() => {
      for (const socket of sockets.clients) socket.terminate();
    });
    const connect = (fault: string) =>
      new WebSocket(`ws://127.0.0.1:${sidecar.port('a')}/`, {
        headers: { 'X-Breakwater-Fault': fault },
      });
    for (const [fault, status] of [
      ['abort=503', 503],
      ['reset', 502],
    ] as const) {
      const [error] = (await once(connect(fault), 'error')) as [Error];
      t.match(error.message, String(status));
    }
    t.equal(sockets.clients.size, 0);
    const beganMs = Date.now();
    const late = connect('delay=200ms');
    await once(late, 'open');
    t.ok(Date.now() - beganMs >= 195);
    late.send('hello');
    const [data] = (await once(late, 'message')) as [Buffer];
    t.equal(data.toString(), 'hello');
    late.terminate();
  },
);

t.test('an operator sets a fault for a time, and lifts it', async (t) => {
  const { sidecar, call } = await open(t, 'retry: off, fault: { abort: { status: 500 } }');
  const { status, body } = await put(sidecar, '/faults/a', {
    fault: { abort: { status: 418 } },
    ttl: '1h',
    reason: 'drill',
  });
  t.equal(status, 200);
  t.match(body, { upstream: 'a', route: '', fault: { abort: { share: '100%', status: 418 } } });
  t.equal((await call()).status, 418, 'in place of that of the file');
  t.match(await sidecar.json('/faults'), {
    faults: [{ upstream: 'a', route: '', fault: body['fault'] }],
  });
  t.match(await sidecar.json('/upstreams'), { upstreams: [{ fault: body['fault'] }] });
  t.match(
    sidecar.logs.find(({ reason }) => reason === 'drill'),
    { upstream: 'a', ttlMs: 3_600_000, msg: /^fault of a was set to .*418.* by 127\.0\.0\.1$/ },
  );
  await put(sidecar, '/faults/a', { fault: 'off', ttl: '1m' });
  t.equal((await call()).status, 200, 'even to none');
  t.match((await put(sidecar, '/faults/a', { fault: null })).body, { fault: { until: null } });
  t.equal((await call()).status, 500, 'that of the file stands again');
});

t.test('it ends by itself', async (t) => {
  const { sidecar, call } = await open(t, 'retry: off, circuitBreaker: off');
  await put(sidecar, '/faults/a', { fault: { abort: {} }, ttl: '1s' });
  t.equal((await call()).status, 503);
  await eventually('it has ended', async () => (await call()).status === 200);
  t.match(await sidecar.json('/faults'), { faults: [] });
  t.ok(
    sidecar.logs.some(({ msg }) => String(msg).startsWith('fault of a is as the file says again')),
  );
  t.match(await sidecar.json('/upstreams'), { upstreams: [{ fault: null }] });
});

const ROUTES =
  'retry: off, circuitBreaker: off, routes: [{ name: shared, match: { path: "/shared/*" } }, { name: own, match: { path: "/own/*" }, fault: off }]';

t.test('a route has faults of its own, or those of its upstream', async (t) => {
  const { sidecar, call } = await open(t, ROUTES);
  const statuses = async () => [
    (await call('/')).status,
    (await call('/shared/x')).status,
    (await call('/own/x')).status,
  ];
  t.same(await statuses(), [200, 200, 200]);
  await put(sidecar, '/faults/a/shared', { fault: { abort: { status: 429 } }, ttl: '1m' });
  t.same(await statuses(), [200, 429, 200]);
  await put(sidecar, '/faults/a', { fault: { abort: {} }, ttl: '1m' });
  t.same(await statuses(), [503, 429, 200], 'a route that writes it does not share');
  await put(sidecar, '/faults/a/own', { fault: { abort: { status: 404 } }, ttl: '1m' });
  await put(sidecar, '/faults/a/shared', { fault: null });
  t.same(await statuses(), [503, 503, 404]);
  t.match(await sidecar.json('/faults'), {
    faults: [
      { route: '', fault: { abort: { status: 503 } } },
      { route: 'own', fault: { abort: { status: 404 } } },
    ],
  });
  for (const path of ['/faults/none', '/faults/a/none']) {
    t.equal((await put(sidecar, path, { fault: { abort: {} }, ttl: '1m' })).status, 404);
  }
});

t.test('a reload keeps what an operator has set, with its count and its end', async (t) => {
  const { upstream, sidecar, call } = await open(t, ROUTES);
  await put(sidecar, '/faults/a', { fault: { abort: {}, first: 2 }, ttl: '1h' });
  await put(sidecar, '/faults/a/shared', { fault: { abort: { status: 429 } }, ttl: '3s' });
  t.equal((await call()).status, 503);
  const before = (await sidecar.json('/faults')) as { faults: { fault: { until: string } }[] };
  sidecar.edit(
    `upstreams: { a: { listen: 0, target: "${upstream.url}", ${ROUTES}, fault: { reset: on } } }`,
  );
  t.match(await sidecar.reload(), { kind: 'success' });
  t.same(await sidecar.json('/faults'), before);
  t.equal((await call()).status, 503);
  t.equal((await call()).status, 200, 'the second one was the last');
  await eventually('the other one ends', async () => (await call('/shared/x')).status === 200);
  sidecar.edit(`upstreams: { a: { listen: 0, target: "${upstream.url}", retry: off } }`);
  await sidecar.reload();
  t.match(await sidecar.json('/faults'), { faults: [{ route: '' }] });
  await put(sidecar, '/faults/a', { fault: null });
  t.match(await sidecar.json('/faults'), { faults: [] });
});

t.test('calls under way end as they began', async (t) => {
  const { sidecar, call } = await open(t, 'retry: off, fault: { delay: { time: 500ms } }');
  const slow = call();
  await eventually('it has begun', async () => (await injected(sidecar, 'delay')) === 1);
  await put(sidecar, '/faults/a', { fault: { abort: {} }, ttl: '1m' });
  t.equal((await call()).status, 503);
  t.equal((await slow).status, 200);
});
