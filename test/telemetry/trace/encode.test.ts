import t from 'tap';
import { createEncoding, type OtlpProtocol } from '../../../src/telemetry/trace/encode.js';
import { CLIENT, ERROR, SERVER, Span } from '../../../src/telemetry/trace/span.js';
import { partialSuccess, readSpans } from '../../support/otlp.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';

const identity = (spanId: string) => ({
  traceId: TRACE,
  spanId,
  traceFlags: 3,
  isRemote: false,
  traceState: { serialize: () => 'a=1,b=2' },
});

function sample(): Span[] {
  const caller = { ...identity(PARENT), isRemote: true, traceState: undefined };
  const server = new Span('GET', SERVER, identity('1'.repeat(16)), caller, [1_800_000_000, 1000]);
  server.attributes['url.path'] = '/ä\u{1F600}';
  server.attributes['http.response.status_code'] = 200;
  server.attributes['breakwater.client_left'] = true;
  const attributes = { 'breakwater.delay_ms': 20 };
  server.events = [{ name: 'breakwater.backoff', time: [1_800_000_000, 2000], attributes }];
  server.endTime = [1_800_000_001, 999_999_000];
  const client = new Span(
    'GET',
    CLIENT,
    identity('2'.repeat(16)),
    identity('1'.repeat(16)),
    [1_800_000_000, 5000],
  );
  client.status = { code: ERROR, message: 'Cannot go on' };
  return [server, client];
}

const open = (protocol: OtlpProtocol) =>
  createEncoding(protocol, { resource: { 'service.name': 'shop' }, version: '1.2.3' });

for (const protocol of ['http/protobuf', 'http/json'] as const) {
  t.test(`${protocol} carries spans whole`, async (t) => {
    const encoding = open(protocol);
    const [server, client] = readSpans(encoding.contentType, encoding.encode(sample()));
    t.same(server, {
      traceId: TRACE,
      spanId: '1'.repeat(16),
      parentSpanId: PARENT,
      traceState: 'a=1,b=2',
      name: 'GET',
      kind: 'server',
      startMs: 1_800_000_000_000.001,
      endMs: 1_800_000_001_999.999,
      attributes: {
        'url.path': '/ä\u{1F600}',
        'http.response.status_code': 200,
        'breakwater.client_left': true,
      },
      events: [{ name: 'breakwater.backoff', attributes: { 'breakwater.delay_ms': 20 } }],
      status: 0,
      message: '',
      resource: { 'service.name': 'shop' },
      scope: 'breakwater',
    });
    t.match(client, {
      parentSpanId: '1'.repeat(16),
      kind: 'client',
      status: 2,
      message: 'Cannot go on',
    });
  });

  t.test(`${protocol} makes one request of several parts`, async (t) => {
    const encoding = open(protocol);
    for (const count of [1, 2, 3]) {
      const parts = Array.from({ length: count }, () => encoding.encode(sample()));
      t.equal(readSpans(encoding.contentType, encoding.join(parts)).length, 2 * count);
    }
  });

  t.test(`${protocol} says nothing of a rejection where there is none`, async (t) => {
    const { readRejection } = open(protocol);
    for (const body of ['', '{}', '{"partialSuccess":{}}', 'rubbish', '\n\0', 'null', '[]']) {
      t.equal(readRejection(Buffer.from(body)), undefined, JSON.stringify(body));
    }
  });
}

t.test('rejections are read', async (t) => {
  const told = { spans: 3, message: 'too old' };
  t.same(open('http/protobuf').readRejection(partialSuccess(3, 'too old')), told);
  const { readRejection } = open('http/json');
  for (const rejectedSpans of [3, '3']) {
    const body = { partialSuccess: { rejectedSpans, errorMessage: 'too old' } };
    t.same(readRejection(Buffer.from(JSON.stringify(body))), told);
  }
  t.equal(open('http/protobuf').readRejection(partialSuccess(0, 'a warning')), undefined);
});
