/** Traces of real calls, at a real collector. */
import type http from 'node:http';
import net from 'node:net';
import t from 'tap';
import { createGrpcClient, startGrpcServer } from '../support/grpc.js';
import {
  startCollector,
  type ReceivedSpan,
  type Respond,
  type TestCollector,
} from '../support/otlp.js';
import {
  NO_PORT,
  eventually,
  send,
  startSidecar,
  startUpstream,
  type Teardown,
  type TestUpstream,
} from '../support/sidecar.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const SAMPLED = `00-${TRACE}-${PARENT}-01`;

type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => void;

const respond: Handler = (_request, response) => void response.end('here');

interface Options {
  readonly handler?: Handler;
  /** More keys of the upstream. */
  readonly keys?: string;
  readonly sample?: string;
  /** More keys of `tracing`. */
  readonly tracing?: string;
  /** More upstreams. */
  readonly others?: string;
  readonly collector?: Respond;
}

const yaml = (collector: string, upstream: string, options: Options = {}) => {
  const { sample = '100%', tracing = '', keys = '', others = '' } = options;
  return `tracing: { endpoint: "${collector}", sample: ${sample}, ${tracing} }
upstreams:
  a: { listen: 0, target: "${upstream}", ${keys} }
  ${others}`;
};

/** Raw fields, in order, of a request to any host. */
const raw = (fields: readonly string[]) => ({
  headers: ['Host', 'x', ...fields] as unknown as http.OutgoingHttpHeaders,
});

async function open(t: Teardown, options: Options = {}) {
  const collector = await startCollector(t, options.collector);
  const upstream = await startUpstream(t, options.handler ?? respond);
  const sidecar = await startSidecar(t, yaml(collector.url, upstream.url, options));
  return { collector, upstream, sidecar };
}

/** The spans of a trace once so many have come: that of the call, and those of its attempts in order. */
async function traceOf({ spans }: TestCollector, count: number, id?: string) {
  const found = () => spans.filter(({ traceId }) => id === undefined || traceId === id);
  await eventually(`${count} spans`, () => found().length >= count);
  const attempts = found().filter(({ kind }) => kind === 'client');
  return {
    call: found().find(({ kind }) => kind === 'server')!,
    attempts: attempts.toSorted((a, b) => a.startMs - b.startMs),
    count: found().length,
  };
}

const idUpstream = ({ seen }: TestUpstream, index = 0) =>
  String(seen[index]!.headers['traceparent']).split('-')[2];

t.test('a call and its attempt', async (t) => {
  for (const protocol of ['http/protobuf', 'http/json']) {
    t.test(protocol, async (t) => {
      const tracing = `protocol: ${protocol}, serviceName: shop-sidecar, headers: { x-api-key: s3cret }`;
      const { collector, upstream, sidecar } = await open(t, { tracing });
      const path = '/items/1?q=x';
      await send(`${sidecar.url('a')}${path}`, {
        headers: { traceparent: SAMPLED, tracestate: 'a=1' },
      });
      const { call, attempts } = await traceOf(collector, 2, TRACE);
      t.equal(call.parentSpanId, PARENT);
      t.equal(call.traceState, 'a=1');
      t.equal(call.resource['service.name'], 'shop-sidecar');
      t.match(call.attributes, { 'url.path': '/items/1', 'http.response.status_code': 200 });
      t.equal(attempts[0]!.parentSpanId, call.spanId);
      t.equal(attempts[0]!.attributes['url.full'], upstream.url + path);
      t.ok(call.startMs <= attempts[0]!.startMs && attempts[0]!.endMs <= call.endMs);
      t.ok(Math.abs(call.endMs - Date.now()) < 60_000, 'in the time of the machine');
      t.equal(upstream.seen[0]!.headers['traceparent'], `00-${TRACE}-${attempts[0]!.spanId}-01`);
      t.equal(upstream.seen[0]!.headers['tracestate'], 'a=1');
      const { path: posted, headers } = collector.requests[0]!;
      t.equal(posted, '/v1/traces');
      t.equal(headers['x-api-key'], 's3cret');
      t.match(headers['user-agent'], /^OTel-OTLP-Exporter-Breakwater\//);
      await eventually(
        'they are counted',
        async () => (await sidecar.metric('breakwater_spans_total', { result: 'exported' })) === 2,
      );
    });
  }
});

t.test('a retried call has a span per attempt, and says why it waited', async (t) => {
  let calls = 0;
  const handler: Handler = (_request, response) =>
    void response.writeHead(++calls < 3 ? 503 : 200).end('x');
  const { collector, upstream, sidecar } = await open(t, {
    handler,
    keys: 'retry: { backoff: { baseDelay: 20ms, jitter: none } }',
  });
  await send(sidecar.url('a'));
  const { call, attempts } = await traceOf(collector, 4);
  t.same(
    attempts.map(({ attributes }) => [
      attributes['http.response.status_code'],
      attributes['http.request.resend_count'],
      attributes['error.type'],
    ]),
    [
      [503, undefined, '503'],
      [503, 1, '503'],
      [200, 2, undefined],
    ],
  );
  t.same(
    attempts.map((_, i) => idUpstream(upstream, i)),
    attempts.map(({ spanId }) => spanId),
    'each attempt tells the upstream its own span',
  );
  t.same(call.events, [
    {
      name: 'breakwater.backoff',
      attributes: { 'breakwater.cause': 'status', 'breakwater.delay_ms': 20 },
    },
    {
      name: 'breakwater.backoff',
      attributes: { 'breakwater.cause': 'status', 'breakwater.delay_ms': 40 },
    },
  ]);
  t.match(call.attributes, { 'breakwater.attempts': 3, 'http.response.status_code': 200 });
  t.equal(call.status, 0);
});

/** The first attempt hangs. */
const respondSecond: Handler = (request, response) => {
  if (request.headers['x-attempt-count'] === '2') response.end('here');
};

t.test('a hedged call has a span for each of both attempts', async (t) => {
  const other = await startUpstream(t, respondSecond);
  const collector = await startCollector(t);
  const upstream = await startUpstream(t, respondSecond);
  const sidecar = await startSidecar(
    t,
    `tracing: { endpoint: "${collector.url}", sample: 100% }
upstreams: { a: { listen: 0, targets: ["${upstream.url}", "${other.url}"], hedge: { after: 50ms } } }`,
  );
  await send(sidecar.url('a'));
  const { call, attempts } = await traceOf(collector, 3);
  const [slow, won] = attempts;
  t.match(slow!.attributes, { 'breakwater.outcome': 'cancelled' });
  t.equal(slow!.status, 0, 'it was ended on purpose');
  t.match(won!.attributes, {
    'breakwater.hedge': true,
    'http.request.resend_count': 1,
    'breakwater.outcome': 'success',
  });
  t.ok(won!.startMs < slow!.endMs, 'they ran side by side');
  t.not(slow!.attributes['breakwater.endpoint'], won!.attributes['breakwater.endpoint']);
  t.same(call.events, [{ name: 'breakwater.hedge', attributes: { 'breakwater.result': 'won' } }]);
});

t.test('a fault is an event of its call, and an attempt that went by no protocol', async (t) => {
  const collector = await startCollector(t);
  const upstream = await startUpstream(t, (_, response) => response.end('here'));
  const sidecar = await startSidecar(
    t,
    `tracing: { endpoint: "${collector.url}", sample: 100% }
upstreams: { a: { listen: 0, target: "${upstream.url}", fault: { abort: { status: 503 }, first: 1 } } }`,
  );
  await send(sidecar.url('a'));
  const { call, attempts } = await traceOf(collector, 3);
  t.match(call.events, [
    { name: 'breakwater.fault', attributes: { 'breakwater.kind': 'abort' } },
    { name: 'breakwater.backoff' },
  ]);
  t.match(attempts[0]!.attributes, { 'http.response.status_code': 503 });
  t.equal(attempts[0]!.attributes['network.protocol.version'], undefined);
  t.equal(attempts[1]!.attributes['network.protocol.version'], '1.1');
});

const names = ({ events }: ReceivedSpan) => events.map(({ name }) => name);

t.test('what the policies do is seen in the span of the call', async (t) => {
  t.test('a wait for a slot, with and without an end', async (t) => {
    const held: http.ServerResponse[] = [];
    const { collector, sidecar } = await open(t, {
      handler: (_request, response) => void held.push(response),
      keys: 'bulkhead: { maxConcurrent: 1, queueTimeout: 300ms }',
    });
    const first = send(`${sidecar.url('a')}/first`);
    await eventually('the first one is there', () => held.length === 1);
    const second = send(`${sidecar.url('a')}/second`);
    const third = await send(`${sidecar.url('a')}/third`);
    t.equal(third.status, 503);
    await second;
    held[0]!.end();
    await first;
    await eventually('all spans', () => collector.spans.length >= 4);
    const late = collector.spans.find(({ attributes }) => attributes['url.path'] === '/third');
    t.match(late!.events, [
      { name: 'breakwater.queue', attributes: { 'breakwater.admitted': false } },
    ]);
    t.match(late!.attributes, {
      'breakwater.reason': 'bulkhead-timeout',
      'error.type': '503',
      'breakwater.attempts': 0,
    });
    const fourth = send(`${sidecar.url('a')}/fourth`);
    await eventually('it is there', () => held.length === 2);
    const fifth = send(`${sidecar.url('a')}/fifth`);
    const queued = { upstream: 'a' };
    await eventually(
      'it waits',
      async () => (await sidecar.metric('breakwater_bulkhead_queued', queued)) === 1,
    );
    held[1]!.end();
    await fourth;
    await eventually('the next one is there', () => held.length === 3);
    held[2]!.end();
    await fifth;
    await eventually('its span', () =>
      collector.spans.some(({ attributes }) => attributes['url.path'] === '/fifth'),
    );
    const waited = collector.spans.find(({ attributes }) => attributes['url.path'] === '/fifth');
    t.match(waited!.events, [
      { name: 'breakwater.queue', attributes: { 'breakwater.admitted': true } },
    ]);
  });

  t.test('a refusal by the circuit, and a fallback', async (t) => {
    const { collector, sidecar } = await open(t, {
      handler: (_request, response) => void response.writeHead(500).end(),
      keys: 'retry: off, circuitBreaker: { failureThreshold: 1 }, fallback: [{ static: { body: x } }]',
    });
    await send(`${sidecar.url('a')}/first`);
    t.equal((await send(`${sidecar.url('a')}/second`)).text, 'x');
    await eventually('all spans', () => collector.spans.length === 3);
    const call = (path: string) =>
      collector.spans.find(({ attributes }) => attributes['url.path'] === path)!;
    t.same(names(call('/first')), ['breakwater.fallback']);
    t.same(call('/second').events, [
      { name: 'breakwater.circuit_refused', attributes: { 'breakwater.reason': 'circuit-open' } },
      { name: 'breakwater.fallback', attributes: { 'breakwater.source': 'static' } },
    ]);
    t.match(call('/second').attributes, {
      'breakwater.fallback': 'static',
      'breakwater.attempts': 0,
    });
  });

  t.test('a retry that is denied', async (t) => {
    const { collector, sidecar } = await open(t, {
      handler: (_request, response) => void response.writeHead(503).end(),
    });
    await send(sidecar.url('a'), { method: 'POST' });
    const { call } = await traceOf(collector, 2);
    t.same(call.events, [
      { name: 'breakwater.retry_denied', attributes: { 'breakwater.cause': 'method' } },
    ]);
    t.equal(call.status, 2);
  });

  t.test('attempts at the upstream of a fallback belong to the same call', async (t) => {
    const backup = await startUpstream(t, respond);
    const { collector, sidecar } = await open(t, {
      handler: (_request, response) => void response.writeHead(500).end(),
      keys: 'retry: off, fallback: [{ upstream: backup }]',
      others: `backup: { listen: 0, target: "${backup.url}" }`,
    });
    t.equal((await send(sidecar.url('a'))).text, 'here');
    const { call, attempts, count } = await traceOf(collector, 3);
    t.equal(count, 3);
    t.same(
      attempts.map(({ parentSpanId, attributes }) => [
        parentSpanId,
        attributes['breakwater.upstream'],
      ]),
      [
        [call.spanId, 'a'],
        [call.spanId, 'backup'],
      ],
    );
    t.equal(attempts[1]!.attributes['http.request.resend_count'], 1);
    t.equal(idUpstream(backup), attempts[1]!.spanId);
    t.same(call.events, [
      { name: 'breakwater.fallback', attributes: { 'breakwater.source': 'upstream:backup' } },
    ]);
  });

  t.test('an upstream that cannot be reached', async (t) => {
    const collector = await startCollector(t);
    const target = `http://127.0.0.1:${NO_PORT}`;
    const sidecar = await startSidecar(t, yaml(collector.url, target, { keys: 'retry: off' }));
    t.equal((await send(sidecar.url('a'))).status, 502);
    const { call, attempts } = await traceOf(collector, 2);
    t.match(attempts[0], {
      status: 2,
      message: /ECONNREFUSED/,
      attributes: { 'error.type': 'connect-failed' },
    });
    t.match(call.attributes, {
      'http.response.status_code': 502,
      'breakwater.reason': 'connect-failed',
    });
  });
});

t.test('a client that leaves is no error of anyone', async (t) => {
  let hasCome = false;
  const { collector, sidecar } = await open(t, { handler: () => void (hasCome = true) });
  const client = net.connect(sidecar.port('a'), '127.0.0.1');
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await eventually('it has come', () => hasCome);
  client.destroy();
  const { call, attempts } = await traceOf(collector, 2);
  for (const { status, attributes } of [call, attempts[0]!]) {
    t.equal(status, 0);
    t.equal(attributes['http.response.status_code'], undefined);
    t.equal(attributes['error.type'], undefined);
  }
  t.equal(call.attributes['breakwater.client_left'], true);
  t.equal(attempts[0]!.attributes['breakwater.outcome'], 'cancelled');
});

t.test('an upgraded connection has a span up to its 101', async (t) => {
  const { collector, upstream, sidecar } = await open(t);
  upstream.server.on('upgrade', (_request, socket) => {
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n',
    );
    socket.pipe(socket);
  });
  const client = net.connect(sidecar.port('a'), '127.0.0.1');
  t.teardown(() => client.destroy());
  client.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
  const { call, attempts } = await traceOf(collector, 2);
  t.equal(call.attributes['http.response.status_code'], 101);
  t.equal(attempts[0]!.attributes['http.response.status_code'], 101);
  t.notOk(client.destroyed, 'it is still open');
});

t.test('a response that breaks off is an error on both sides', async (t) => {
  const { collector, sidecar } = await open(t, {
    handler: (request, response) => {
      response.writeHead(200, { 'Content-Length': '100' });
      response.write('part', () => request.socket.destroy());
    },
  });
  await t.rejects(send(sidecar.url('a')));
  const { call, attempts } = await traceOf(collector, 2);
  for (const { status, attributes } of [call, attempts[0]!]) {
    t.equal(status, 2);
    t.match(attributes, { 'http.response.status_code': 200, 'error.type': 'upstream-reset' });
  }
});

t.test('the path of a route names the span, with the prefix of its upstream', async (t) => {
  const { collector, upstream, sidecar } = await open(t, {
    keys: 'prefix: /shop, routes: [{ name: item, match: { path: "/items/:id" } }]',
    others: '\nserver: { listen: "127.0.0.1:0" }',
  });
  await send(`${sidecar.url('server')}/shop/items/7`);
  const { call } = await traceOf(collector, 2);
  t.equal(upstream.seen[0]!.url, '/items/7');
  t.equal(call.name, 'GET /shop/items/:id');
  t.match(call.attributes, { 'url.path': '/shop/items/7', 'breakwater.route': 'item' });
});

/** Those of the trace, as they came. */
const fields = (request: http.IncomingMessage) =>
  request.rawHeaders.filter((_, i, all) => /^(trace|baggage)/i.test(all[i - (i % 2)]!));

t.test('calls that are not recorded', async (t) => {
  for (const [title, headers] of [
    [
      'of a caller that does not record',
      ['TraceParent', `00-${TRACE}-${PARENT}-00`, 'TraceState', 'a=1 , b=2'],
    ],
    ['with unknown flags', ['traceparent', `00-${TRACE}-${PARENT}-f8`, 'baggage', 'x=/:@%20']],
    ['of a later version', ['traceparent', `cc-${TRACE}-${PARENT}-02-more`, 'tracestate', '']],
  ] as const) {
    t.test(`${title} pass byte for byte`, async (t) => {
      const { collector, upstream, sidecar } = await open(t);
      await send(sidecar.url('a'), raw(headers));
      t.same(fields(upstream.seen[0]!), headers);
      await sidecar.stop();
      t.same(collector.requests, []);
    });
  }

  for (const [title, headers] of [
    ['without a trace', []],
    ['with garbage', ['traceparent', 'garbage', 'tracestate', 'a=1']],
    ['with two traces', ['traceparent', SAMPLED, 'traceparent', SAMPLED, 'tracestate', 'a=1']],
  ] as const) {
    t.test(`${title} are not recorded where callers decide, and pass byte for byte`, async (t) => {
      const { collector, upstream, sidecar } = await open(t, { sample: 'parent' });
      await send(sidecar.url('a'), raw(headers));
      t.same(fields(upstream.seen[0]!), headers);
      await sidecar.stop();
      t.same(collector.requests, []);
    });
  }
});

for (const [title, headers] of [
  ['garbage', ['traceparent', 'garbage', 'tracestate', 'a=1']],
  ['two traces', ['traceparent', SAMPLED, 'traceparent', SAMPLED, 'tracestate', 'a=1']],
  ['an id of zeros', ['traceparent', `00-${'0'.repeat(32)}-${PARENT}-01`]],
] as const) {
  t.test(`${title} in traceparent begins a new trace`, async (t) => {
    const { collector, upstream, sidecar } = await open(t);
    await send(sidecar.url('a'), raw(headers));
    const { call, attempts } = await traceOf(collector, 2);
    t.equal(call.parentSpanId, '');
    t.not(call.traceId, TRACE);
    const { rawHeaders, headers: seen } = upstream.seen[0]!;
    t.equal(rawHeaders.filter((each) => each.toLowerCase() === 'traceparent').length, 1);
    t.equal(seen['traceparent'], `00-${call.traceId}-${attempts[0]!.spanId}-03`);
    t.equal(seen['tracestate'], undefined);
  });
}

t.test('a gRPC call', async (t) => {
  const collector = await startCollector(t);
  const server = await startGrpcServer(t, (call) => call.refuse(5));
  const sidecar = await startSidecar(t, yaml(collector.url, server.url));
  const client = createGrpcClient(t, sidecar.url('a'));
  await client.call('/shop.Cart/Get', { traceparent: SAMPLED, tracestate: 'a=1' });
  const { call, attempts } = await traceOf(collector, 2, TRACE);
  t.equal(call.name, 'shop.Cart/Get');
  t.match(call.attributes, {
    'rpc.system.name': 'grpc',
    'rpc.status_code': 'NOT_FOUND',
    'network.protocol.version': '2',
  });
  t.equal(call.status, 0);
  t.match(attempts[0], {
    status: 2,
    attributes: { 'error.type': 'NOT_FOUND', 'network.protocol.version': '2' },
  });
  const { headers } = server.calls[0]!;
  t.equal(headers['traceparent'], `00-${TRACE}-${attempts[0]!.spanId}-01`);
  t.equal(headers['tracestate'], 'a=1');
});

t.test('the trace id is in the access log and in exemplars', async (t) => {
  const { collector, sidecar } = await open(t, { others: '\nlog: { access: all }' });
  await send(sidecar.url('a'));
  const { call } = await traceOf(collector, 2);
  const line = sidecar.logs.find(({ msg }) => msg === 'exchange');
  t.equal(line?.['traceId'], call.traceId);
  const accept = { accept: 'application/openmetrics-text' };
  const page = await (await fetch(`${sidecar.admin}/metrics`, { headers: accept })).text();
  const exemplars = page.split('\n').filter((each) => each.includes(`trace_id="${call.traceId}"`));
  t.match(exemplars, [
    /^breakwater_(request|attempt)_duration/,
    /^breakwater_(request|attempt)_duration/,
  ]);
});

t.test('a share records that share of the calls', async (t) => {
  const collector = await startCollector(t);
  const upstream = await startUpstream(t, respond);
  const sidecar = await startSidecar(t, yaml(collector.url, upstream.url, { sample: '50%' }));
  for (let i = 0; i < 200; i++) await send(sidecar.url('a'));
  await sidecar.stop();
  const calls = collector.spans.filter(({ kind }) => kind === 'server').length;
  t.ok(calls > 50 && calls < 150, `${calls} of 200`);
});

const paths = ({ spans }: TestCollector) =>
  spans.filter(({ kind }) => kind === 'server').map(({ attributes }) => attributes['url.path']);

t.test('a reload switches it on, over and off', async (t) => {
  const first = await startCollector(t);
  const second = await startCollector(t);
  const upstream = await startUpstream(t, respond);
  const text = (tracing: string) =>
    `${tracing}\nupstreams: { a: { listen: 0, target: "${upstream.url}" } }`;
  const to = ({ url }: TestCollector) => text(`tracing: { endpoint: "${url}", sample: 100% }`);
  const sidecar = await startSidecar(t, text(''));
  const call = async (path: string) => {
    await send(`${sidecar.url('a')}/${path}`);
    return upstream.seen.at(-1)!.headers['traceparent'];
  };
  const apply = async (yaml: string) => {
    sidecar.edit(yaml);
    t.equal((await sidecar.reload()).kind, 'success');
  };
  t.equal(await call('off'), undefined);
  await apply(to(first));
  t.ok(await call('on'));
  await traceOf(first, 2);
  await apply(to(second));
  t.ok(await call('over'));
  await traceOf(second, 2);
  await apply(text('tracing: off'));
  t.equal(await call('off-again'), undefined);
  await apply(to(first));
  t.ok(await call('on-again'));
  await sidecar.stop();
  t.same(paths(first), ['/on', '/on-again']);
  t.same(paths(second), ['/over']);
});

t.test('a call that a reload overtakes keeps its span', async (t) => {
  let end: (() => void) | undefined;
  const { collector, upstream, sidecar } = await open(t, {
    handler: (_request, response) => void (end = () => response.end('x')),
  });
  const running = send(sidecar.url('a'));
  await eventually('it runs', () => end !== undefined);
  sidecar.edit(`upstreams: { a: { listen: 0, target: "${upstream.url}" } }`);
  await sidecar.reload();
  end!();
  await running;
  await traceOf(collector, 2);
});
