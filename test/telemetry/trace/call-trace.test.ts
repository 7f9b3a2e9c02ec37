import t from 'tap';
import { CallError, ClientGoneError, OutrunError } from '../../../src/core/errors.js';
import type { AttemptEnd, CallEnd, TracedRequest } from '../../../src/core/span.js';
import { FieldEdits } from '../../../src/http/field-edits.js';
import { readTrace } from '../../../src/http/traceparent.js';
import { CallTrace } from '../../../src/telemetry/trace/call-trace.js';
import { Places } from '../../../src/telemetry/trace/places.js';
import type { Span } from '../../../src/telemetry/trace/span.js';
import { FAKE_WALL_START_MS, FakeClock } from '../../support/fake-clock.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';

const callerTrace = (flags = '01') => readTrace(['traceparent', `00-${TRACE}-${PARENT}-${flags}`])!;

const request: TracedRequest = {
  trace: undefined,
  method: 'GET',
  path: '/items/1?q=x',
  fields: [],
  host: 'shop.example:8080',
  peerAddress: '192.0.2.7',
  isSecure: false,
  protocolVersion: '1.1',
  isGrpc: false,
  upstream: 'catalog',
  route: '',
  pattern: undefined,
  startedAtMs: 0,
};

const end: CallEnd = {
  status: 200,
  grpcCode: undefined,
  reason: '',
  durationMs: 0,
  attempts: 1,
  requestId: 'id-1',
  shadow: [],
  substitution: undefined,
  error: undefined,
};

const attemptEnd: AttemptEnd = {
  status: 200,
  outcome: { kind: 'status', status: 200 },
  error: undefined,
  protocol: '1.1',
  atMs: 0,
};

const target = {
  target: 'http://catalog.internal:8080',
  address: '10.0.0.1:8080',
  authority: 'catalog.internal:8080',
  path: '/items/1?q=x',
};

const start = { upstream: 'catalog', path: '/items/1?q=x', isBeside: false, startedAtMs: 0 };

const reset = new CallError('upstream-reset', 'Cannot get a response because it broke');

function open(overrides: Partial<TracedRequest> = {}) {
  const clock = new FakeClock();
  const ended: Span[] = [];
  const call = new CallTrace(
    { ...request, ...overrides },
    {
      clock,
      random: Math.random,
      refusalEvents: new Map([['circuit-open', 'breakwater.circuit_refused']]),
      places: new Places(),
      add: (record) => void ended.push(record.toSpan()),
    },
  );
  return { clock, ended, call };
}

/** The span of a call that ends so. */
function serverSpan(overrides: Partial<TracedRequest> = {}, how: Partial<CallEnd> = {}): Span {
  const { call, ended } = open(overrides);
  call.end({ ...end, ...how });
  return ended[0]!;
}

/** The span of an attempt that ends so. */
function clientSpan(
  how: Partial<AttemptEnd> = {},
  where: Partial<typeof target> = {},
  of: Partial<TracedRequest> = {},
): Span {
  const { call, ended } = open(of);
  const attempt = call.beginAttempt({ ...start, path: where.path ?? start.path });
  attempt.sendTo({ ...target, ...where });
  attempt.end({ ...attemptEnd, ...how });
  return ended[0]!;
}

t.test('the span of a call', async (t) => {
  t.test('has what the conventions for HTTP servers want', async (t) => {
    const span = serverSpan({
      fields: ['User-Agent', 'curl/8', 'X-Forwarded-For', '203.0.113.9, 10.0.0.2'],
      route: 'item',
      pattern: '/items/:id',
    });
    t.equal(span.name, 'GET /items/:id');
    t.same(span.attributes, {
      'http.request.method': 'GET',
      'url.path': '/items/1',
      'url.query': 'q=x',
      'url.scheme': 'http',
      'http.route': '/items/:id',
      'user_agent.original': 'curl/8',
      'client.address': '203.0.113.9',
      'network.peer.address': '192.0.2.7',
      'server.address': 'shop.example',
      'server.port': 8080,
      'network.protocol.version': '1.1',
      'breakwater.upstream': 'catalog',
      'breakwater.route': 'item',
      'breakwater.attempts': 1,
      'breakwater.request_id': 'id-1',
      'http.response.status_code': 200,
    });
    t.same(span.status, { code: 0 });
  });

  t.test('is named by its method alone where there is no route', async (t) => {
    t.equal(serverSpan().name, 'GET');
  });

  t.test('does not take any word for a method', async (t) => {
    const span = serverSpan({ method: 'get' });
    t.equal(span.name, 'HTTP');
    t.match(span.attributes, {
      'http.request.method': '_OTHER',
      'http.request.method_original': 'get',
    });
    t.equal(serverSpan({ method: 'QUERY' }).name, 'QUERY');
  });

  t.test('says what the client of the first proxy asked for', async (t) => {
    const fields = ['X-Forwarded-Proto', 'https', 'X-Forwarded-Host', 'www.example'];
    t.match(serverSpan({ fields }).attributes, {
      'url.scheme': 'https',
      'server.address': 'www.example',
      'server.port': 443,
    });
  });

  t.test('leaves out what is not known', async (t) => {
    const { attributes } = serverSpan({ host: undefined, peerAddress: undefined, path: '/' });
    for (const name of ['server.address', 'client.address', 'url.query', 'user_agent.original']) {
      t.notOk(name in attributes, name);
    }
  });

  t.test('speaks of HTTP/2 as 2', async (t) => {
    const { attributes } = serverSpan({ protocolVersion: '2.0' });
    t.equal(attributes['network.protocol.version'], '2');
  });

  t.test('shows no secret of a query', async (t) => {
    for (const [path, query] of [
      ['/x?sig=abc&q=1', 'sig=REDACTED&q=1'],
      ['/x?a=1&Signature=abc', 'a=1&Signature=REDACTED'],
      [
        '/x?X-Goog-Signature=a&AWSAccessKeyId=b',
        'X-Goog-Signature=REDACTED&AWSAccessKeyId=REDACTED',
      ],
      ['/x?access_token=a&api_key=b', 'access_token=REDACTED&api_key=REDACTED'],
      ['/x?designsig=1', 'designsig=1'],
      ['/x?', ''],
    ] as const) {
      t.equal(serverSpan({ path }).attributes['url.query'], query);
    }
  });

  t.test('is an error for a 5xx only', async (t) => {
    t.same(serverSpan({}, { status: 404 }).status, { code: 0 });
    t.notOk('error.type' in serverSpan({}, { status: 404 }).attributes);
    const span = serverSpan({}, { status: 503, reason: 'circuit-open' });
    t.same(span.status, { code: 2 });
    t.match(span.attributes, {
      'http.response.status_code': 503,
      'error.type': '503',
      'breakwater.reason': 'circuit-open',
    });
  });

  t.test('is an error where the response broke off', async (t) => {
    const span = serverSpan({}, { status: 200, reason: 'upstream-reset', error: reset });
    t.same(span.status, { code: 2, message: reset.message });
    t.match(span.attributes, { 'http.response.status_code': 200, 'error.type': 'upstream-reset' });
  });

  t.test('is none where the client has left', async (t) => {
    const error = new ClientGoneError(499, 'Cannot respond');
    const span = serverSpan({}, { status: 499, error });
    t.same(span.status, { code: 0 });
    t.notOk('http.response.status_code' in span.attributes);
    t.equal(span.attributes['breakwater.client_left'], true);
  });

  t.test('names the fallback that responded', async (t) => {
    const span = serverSpan({}, { substitution: { source: 'upstream:backup' } });
    t.equal(span.attributes['breakwater.fallback'], 'upstream:backup');
  });

  t.test('says what policies in shadow would have refused it for', async (t) => {
    const span = serverSpan({}, { shadow: ['rate-limited', 'circuit-open'] });
    t.equal(span.attributes['breakwater.shadow'], 'rate-limited,circuit-open');
    t.notOk('breakwater.shadow' in serverSpan({}).attributes);
  });

  t.test('keeps long texts short', async (t) => {
    const long = 'x'.repeat(30_000);
    const { attributes } = serverSpan({
      path: `/${long}?${long}`,
      method: long,
      fields: ['User-Agent', long, 'X-Forwarded-For', long, 'X-Forwarded-Proto', long],
    });
    for (const [name, value] of Object.entries(attributes)) {
      t.ok(String(value).length <= 1024, name);
    }
  });

  t.test('has events in their order, with a bound', async (t) => {
    const { call, ended, clock } = open();
    call.addEvent('breakwater.queue', { 'breakwater.waited_ms': 5 });
    await clock.advance(7);
    call.noteRefusal(new CallError('upstream-reset', 'not declared'));
    for (let i = 0; i < 100; i++) call.addEvent('breakwater.backoff', {});
    call.end(end);
    const [span] = ended;
    t.equal(span!.events.length, 64);
    t.equal(span!.droppedEventsCount, 37);
    t.same(span!.events[0], {
      name: 'breakwater.queue',
      time: [FAKE_WALL_START_MS / 1000, 0],
      attributes: { 'breakwater.waited_ms': 5 },
    });
    t.same(span!.events[1]!.time, [FAKE_WALL_START_MS / 1000, 7_000_000]);
  });

  t.test('lasts from the head of the request to the end', async (t) => {
    const { call, ended } = open();
    call.end({ ...end, durationMs: 1234.5 });
    const seconds = FAKE_WALL_START_MS / 1000;
    t.same(ended[0]!.startTime, [seconds, 0]);
    t.same(ended[0]!.endTime, [seconds + 1, 234_500_000]);
  });
});

t.test('the span of an attempt', async (t) => {
  t.test('has what the conventions for HTTP clients want', async (t) => {
    const span = clientSpan();
    t.equal(span.name, 'GET');
    t.same(span.attributes, {
      'http.request.method': 'GET',
      'server.address': 'catalog.internal',
      'server.port': 8080,
      'network.peer.address': '10.0.0.1',
      'network.peer.port': 8080,
      'url.full': 'http://catalog.internal:8080/items/1?q=x',
      'http.response.status_code': 200,
      'network.protocol.version': '1.1',
      'breakwater.upstream': 'catalog',
      'breakwater.endpoint': '10.0.0.1:8080',
      'breakwater.outcome': 'success',
    });
    t.same(span.status, { code: 0 });
  });

  t.test('knows the ports of the schemes, and addresses of all kinds', async (t) => {
    t.match(clientSpan({}, { target: 'https://x', authority: 'x', path: '/' }).attributes, {
      'server.port': 443,
      'url.full': 'https://x/',
    });
    t.match(clientSpan({}, { address: '[::1]:80', authority: '[::1]' }).attributes, {
      'server.address': '::1',
      'server.port': 80,
      'network.peer.address': '::1',
      'network.peer.port': 80,
    });
    t.match(clientSpan({}, { address: '/run/x.sock', authority: 'localhost' }).attributes, {
      'network.transport': 'unix',
      'network.peer.address': '/run/x.sock',
    });
    t.notOk('network.peer.address' in clientSpan({}, { address: 'x.internal:80' }).attributes);
  });

  t.test('shows no secret of a query, and no path of the whole server', async (t) => {
    for (const [path, url] of [
      ['/x?sig=abc', 'http://catalog.internal:8080/x?sig=REDACTED'],
      ['*', 'http://catalog.internal:8080'],
    ] as const) {
      t.equal(clientSpan({}, { path }).attributes['url.full'], url);
    }
  });

  t.test('is an error for a 4xx and a 5xx', async (t) => {
    for (const status of [404, 503]) {
      const span = clientSpan({ status, outcome: { kind: 'status', status } });
      t.same(span.status, { code: 2 });
      t.equal(span.attributes['error.type'], String(status));
    }
    const found = clientSpan({ status: 304, outcome: { kind: 'status', status: 304 } });
    t.same(found.status, { code: 0 });
    t.notOk('error.type' in found.attributes);
  });

  t.test('says by its reason what ended it', async (t) => {
    const how = { status: 0, error: reset, atMs: 2.5 } as const;
    const span = clientSpan({ ...how, outcome: { kind: 'reset', error: reset } });
    t.same(span.status, { code: 2, message: reset.message });
    t.equal(span.attributes['error.type'], 'upstream-reset');
    t.equal(span.attributes['breakwater.outcome'], 'reset');
    t.same(span.endTime, [FAKE_WALL_START_MS / 1000, 2_500_000]);
    t.notOk('http.response.status_code' in span.attributes);
  });

  t.test('is none where it was ended on purpose', async (t) => {
    for (const error of [new OutrunError('won'), new ClientGoneError(499, 'left')]) {
      const span = clientSpan({ status: 0, error, outcome: { kind: 'cancelled' } });
      t.same(span.status, { code: 0 });
      t.notOk('error.type' in span.attributes);
    }
  });

  t.test('counts those before it, hedges and other upstreams included', async (t) => {
    const { call, ended } = open();
    for (const isBeside of [false, true, false]) {
      call.beginAttempt({ ...start, isBeside }).end(attemptEnd);
    }
    t.same(
      ended.map(({ attributes }) => attributes['http.request.resend_count']),
      [undefined, 1, 2],
    );
    t.same(
      ended.map(({ attributes }) => attributes['breakwater.hedge']),
      [undefined, true, undefined],
    );
  });
});

t.test('a gRPC call', async (t) => {
  const grpc = { isGrpc: true, method: 'POST', path: '/shop.Cart/Get', protocolVersion: '2.0' };

  t.test('has what the conventions for RPC want', async (t) => {
    const span = serverSpan(grpc, { grpcCode: 'OK' });
    t.equal(span.name, 'shop.Cart/Get');
    t.match(span.attributes, {
      'rpc.system.name': 'grpc',
      'rpc.method': 'shop.Cart/Get',
      'rpc.status_code': 'OK',
      'network.protocol.version': '2',
    });
    t.notOk('http.request.method' in span.attributes);
    const attempt = clientSpan(
      { outcome: { kind: 'grpc', code: 'OK', isTrailersOnly: false } },
      { path: grpc.path },
      grpc,
    );
    t.equal(attempt.name, 'shop.Cart/Get');
    t.match(attempt.attributes, { 'rpc.method': 'shop.Cart/Get', 'rpc.status_code': 'OK' });
    t.notOk('url.full' in attempt.attributes);
  });

  t.test('is an error by its status', async (t) => {
    for (const [grpcCode, code] of [
      ['UNAVAILABLE', 2],
      ['UNIMPLEMENTED', 2],
      ['NOT_FOUND', 0],
      ['CANCELLED', 0],
    ] as const) {
      t.equal(serverSpan(grpc, { grpcCode }).status.code, code, grpcCode);
      const outcome = { kind: 'grpc', code: grpcCode, isTrailersOnly: true } as const;
      const attempt = clientSpan({ outcome }, {}, grpc);
      t.equal(attempt.status.code, 2, 'for a client all but OK are errors');
      t.equal(attempt.attributes['error.type'], grpcCode);
    }
  });
});

/** The fields of an attempt of the call. */
function edits(call: CallTrace, fields: string[]) {
  const edited = new FieldEdits(fields);
  call.beginAttempt(start).propagate(edited);
  return edited.fields;
}

t.test('trace context', async (t) => {
  t.test('the trace of the caller goes on', async (t) => {
    const fields = ['traceparent', `00-${TRACE}-${PARENT}-01`, 'tracestate', 'a=1'];
    const { call, ended } = open({ trace: callerTrace(), fields });
    const sent = edits(call, fields);
    t.match(sent[1], new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
    t.same(sent.slice(2), ['tracestate', 'a=1']);
    call.end(end);
    const span = ended[0]!;
    t.equal(span.spanContext().traceId, TRACE);
    t.equal(span.spanContext().traceState?.serialize(), 'a=1');
    t.match(span.parentSpanContext, { spanId: PARENT, isRemote: true });
    t.same(call.trace, { id: TRACE, isSampled: true });
  });

  t.test('the id upstream is that of the attempt', async (t) => {
    const { call, ended } = open({ trace: callerTrace() });
    const attempt = call.beginAttempt(start);
    const edited = new FieldEdits([]);
    attempt.propagate(edited);
    attempt.end(attemptEnd);
    call.end(end);
    const [client, server] = ended;
    t.equal(edited.fields[1], `00-${TRACE}-${client!.spanContext().spanId}-01`);
    t.equal(client!.parentSpanContext?.spanId, server!.spanContext().spanId);
  });

  t.test('the flags of the caller are kept', async (t) => {
    t.match(edits(open({ trace: callerTrace('03') }).call, [])[1], /-03$/);
    t.match(edits(open({ trace: callerTrace('ff') }).call, [])[1], /-03$/);
  });

  t.test('a new trace is sampled and random, and drops what was said of another one', async (t) => {
    const bad = ['Traceparent', 'garbage', 'x', 'y', 'traceparent', 'more', 'tracestate', 'a=1'];
    const { call } = open({ fields: bad });
    const sent = edits(call, bad);
    t.match(sent[1], /^00-[0-9a-f]{32}-[0-9a-f]{16}-03$/);
    t.same(
      [sent[0], ...sent.slice(2)],
      ['Traceparent', 'x', 'y'],
      'one traceparent, no tracestate',
    );
    t.equal(call.identity.traceState, undefined);
  });

  t.test('a tracestate beyond all measure is passed on, but not recorded', async (t) => {
    const state = `a=${'x'.repeat(600)}`;
    const fields = ['tracestate', state];
    const { call } = open({ trace: callerTrace(), fields });
    t.same(edits(call, fields).slice(0, 2), ['tracestate', state]);
    t.equal(call.identity.traceState, undefined);
  });
});
