/** Collectors that are away, slow, busy or not what they should be. Calls do not notice. */
import type http from 'node:http';
import t from 'tap';
import { createSystemClock } from '../../src/platform/system-clock.js';
import { openCollector } from '../../src/telemetry/trace/collector.js';
import { createEncoding } from '../../src/telemetry/trace/encode.js';
import type { Sent } from '../../src/telemetry/trace/delivery.js';
import { SERVER, Span } from '../../src/telemetry/trace/span.js';
import { partialSuccess, startCollector, takeAll, type Respond } from '../support/otlp.js';
import {
  eventually,
  findFreePort,
  NO_PORT,
  send,
  startRawUpstream,
  startSidecar,
  startUpstream,
  type Teardown,
} from '../support/sidecar.js';

const TIMEOUT_MS = 300;

const span = () =>
  new Span(
    'GET',
    SERVER,
    {
      traceId: 'a'.repeat(32),
      spanId: 'b'.repeat(16),
      traceFlags: 1,
      isRemote: false,
      traceState: undefined,
    },
    undefined,
    [1, 0],
  );

interface Wanted {
  readonly isCompressed?: boolean;
  readonly protocol?: 'http/protobuf' | 'http/json';
}

function connect(
  t: Teardown,
  url: string,
  { isCompressed = false, protocol = 'http/protobuf' }: Wanted = {},
) {
  const collector = openCollector({
    url,
    headers: { 'X-Key': 'abc', 'user-agent': 'mine' },
    timeoutMs: TIMEOUT_MS,
    isCompressed,
    encoding: createEncoding(protocol, { resource: {}, version: '1' }),
    clock: createSystemClock(),
    version: '1',
  });
  t.teardown(() => collector.close());
  return collector;
}

/** What becomes of one span. */
async function sendOne(t: Teardown, url: string, wanted: Wanted = {}): Promise<Sent> {
  const collector = connect(t, url, wanted);
  return collector.send([collector.encode([span()])]);
}

const status =
  (code: number, headers: http.OutgoingHttpHeaders = {}, body = ''): Respond =>
  (response) =>
    void response.writeHead(code, headers).end(body);

t.test('one request', async (t) => {
  t.test('carries its fields, once', async (t) => {
    const { url, requests } = await startCollector(t);
    t.same(await sendOne(t, `${url}/base?k=1`), { kind: 'taken', rejected: 0, why: undefined });
    const [{ path, headers, spans } = { path: '', headers: {}, spans: [] }] = requests;
    t.equal(path, '/base?k=1');
    t.match(headers, {
      'x-key': 'abc',
      'user-agent': 'mine',
      'content-type': 'application/x-protobuf',
    });
    t.equal(headers['transfer-encoding'], undefined);
    t.equal(spans.length, 1);
  });

  t.test('is compressed where that is wanted', async (t) => {
    const { url, requests } = await startCollector(t);
    t.match(await sendOne(t, url, { isCompressed: true }), { kind: 'taken' });
    t.equal(requests[0]!.headers['content-encoding'], 'gzip');
    t.equal(requests[0]!.spans.length, 1);
  });

  t.test('goes over the same connection as the one before', async (t) => {
    const ports = new Set<number | undefined>();
    const { url } = await startCollector(t, (response, request) => {
      ports.add(response.socket?.remotePort);
      takeAll(response, request);
    });
    const collector = connect(t, url);
    for (let i = 0; i < 3; i++) await collector.send([collector.encode([span()])]);
    t.equal(ports.size, 1);
  });
});

t.test('responses', async (t) => {
  const html = { 'Content-Type': 'text/html; charset=utf-8' };
  for (const [title, respond, sent] of [
    ['an empty 200', status(200), { kind: 'taken', rejected: 0 }],
    ['a 202 with a text', status(202, {}, 'ok'), { kind: 'taken', rejected: 0 }],
    [
      'a page for people',
      status(200, html, '<html>'),
      { kind: 'lost', why: /HTML page/, isDown: false },
    ],
    ['400', status(400), { kind: 'lost', why: 'it responded 400', isDown: false }],
    ['401', status(401), { kind: 'lost', isDown: false }],
    ['404', status(404), { kind: 'lost', isDown: false }],
    ['500', status(500), { kind: 'lost', isDown: false }],
    ['a redirect', status(302, { Location: '/elsewhere' }), { kind: 'lost', isDown: false }],
    ['429', status(429), { kind: 'later', why: 'it responded 429', afterMs: undefined }],
    ['502', status(502), { kind: 'later' }],
    ['503 with a time', status(503, { 'Retry-After': '7' }), { kind: 'later', afterMs: 7000 }],
    [
      '503 with no time',
      status(503, { 'Retry-After': 'soon' }),
      { kind: 'later', afterMs: undefined },
    ],
    ['504', status(504), { kind: 'later' }],
    [
      'a connection that closes',
      (response) => void response.destroy(),
      { kind: 'later', why: /hang up/ },
    ],
  ] as const satisfies readonly (readonly [string, Respond, unknown])[]) {
    t.test(title, async (t) => {
      const { url, requests } = await startCollector(t, respond);
      t.match(await sendOne(t, url), sent);
      t.equal(requests.length, 1, 'no redirect is followed');
    });
  }

  t.test('a rejection of some spans', async (t) => {
    const told = { kind: 'taken', rejected: 2, why: 'it rejected 2 spans: too old' };
    const protobuf = await startCollector(t, (response) => {
      response.writeHead(200, { 'Content-Type': 'application/x-protobuf' });
      response.end(partialSuccess(2, 'too\n old'));
    });
    t.same(await sendOne(t, protobuf.url), told);
    const json = await startCollector(t, (response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.end('{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}}');
    });
    t.same(await sendOne(t, json.url, { protocol: 'http/json' }), told);
  });

  t.test('one that has no end', async (t) => {
    const { url } = await startCollector(t, (response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write('x'.repeat(16 * 1024)), 1);
      response.on('close', () => clearInterval(timer));
    });
    t.match(await sendOne(t, url), { kind: 'taken' });
  });
});

t.test('the time limit holds', async (t) => {
  const timedOut = {
    kind: 'lost',
    why: `it did not respond within ${TIMEOUT_MS} ms`,
    isDown: true,
  };

  t.test('for a collector that is silent', async (t) => {
    const { url } = await startCollector(t, () => {});
    t.same(await sendOne(t, url), timedOut);
  });

  t.test('for one whose response drips', async (t) => {
    const { url } = await startCollector(t, (response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write('x'), 50);
      response.on('close', () => clearInterval(timer));
    });
    t.same(await sendOne(t, url), timedOut);
  });

  t.test('for one that never reads', async (t) => {
    const { url } = await startRawUpstream(t, (socket) => socket.pause());
    t.same(await sendOne(t, url), timedOut);
  });
});

t.test('a collector that is away', async (t) => {
  t.match(await sendOne(t, `http://127.0.0.1:${NO_PORT}`), { kind: 'later', why: /ECONNREFUSED/ });
});

t.test('a server that does not speak HTTP', async (t) => {
  const { url } = await startRawUpstream(t, (socket) => void socket.end('220 ready\r\n'));
  t.match(await sendOne(t, url), { kind: 'later', why: /Parse Error/ });
});

t.test('the port of OTLP over gRPC is pointed out', async (t) => {
  t.match(await sendOne(t, 'http://127.0.0.1:4317'), {
    why: /; 4317 is the port of OTLP over gRPC, but spans are sent by OTLP over HTTP, for which it is 4318$/,
  });
});

/** A sidecar whose collector is at that address; `call` makes a call and says how long it took, in ms. */
async function openSidecar(t: Teardown, endpoint: string) {
  const upstream = await startUpstream(t, (_request, response) => void response.end('here'));
  const sidecar = await startSidecar(
    t,
    `tracing: { endpoint: "${endpoint}", sample: 100%, headers: { x-key: s3cret } }
upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const call = async () => {
    const startMs = performance.now();
    const { status } = await send(sidecar.url('a'));
    return { status, ms: performance.now() - startMs };
  };
  const lines = () => sidecar.logs.filter(({ msg }) => /spans/.test(String(msg)));
  const spans = (result: string) => sidecar.metric('breakwater_spans_total', { result });
  return { sidecar, call, lines, spans };
}

t.test('calls do not notice', async (t) => {
  t.test(
    'a collector that is away; the log has a line when it goes and one when it comes',
    async (t) => {
      const port = await findFreePort();
      const { sidecar, call, lines, spans } = await openSidecar(t, `http://127.0.0.1:${port}`);
      for (let i = 0; i < 20; i++) t.equal((await call()).status, 200);
      await eventually('a line', () => lines().length > 0);
      t.match(lines()[0], {
        level: 'warn',
        endpoint: `http://127.0.0.1:${port}/v1/traces`,
        error: /ECONNREFUSED/,
      });
      const collector = await startCollector(t, takeAll, port);
      await eventually('all spans', () => collector.spans.length === 40);
      await eventually('they are counted', async () => (await spans('exported')) === 40);
      t.equal(await spans('dropped'), 0);
      t.equal(lines().length, 2);
      t.match(lines()[1], { level: 'info', msg: /^spans are sent to .* again$/ });
      t.notMatch(JSON.stringify(sidecar.logs), 's3cret');
      t.notMatch(JSON.stringify(await sidecar.json('/config')), 's3cret');
    },
  );

  t.test('a collector that is silent, and the end waits for it for a second at most', async (t) => {
    const { url } = await startCollector(t, () => {});
    const { sidecar, call, spans } = await openSidecar(t, url);
    for (let i = 0; i < 100; i++) await call();
    const times = [];
    for (let i = 0; i < 20; i++) times.push((await call()).ms);
    t.ok(Math.min(...times) < 100);
    t.equal(await spans('exported'), 0);
    const startMs = performance.now();
    await sidecar.stop();
    const tookMs = performance.now() - startMs;
    t.ok(tookMs > 900 && tookMs < 8000, `${tookMs} ms`);
  });

  t.test('a collector that is busy', async (t) => {
    let requests = 0;
    const { url, spans: received } = await startCollector(t, (response, request) => {
      requests += 1;
      if (requests > 2) takeAll(response, request);
      else response.writeHead(requests === 1 ? 429 : 503).end();
    });
    const { call, lines, spans } = await openSidecar(t, url);
    t.equal((await call()).status, 200);
    await eventually('they are counted', async () => (await spans('exported')) === 2);
    t.equal(await spans('dropped'), 0);
    t.equal(received.length, 6, 'the third attempt was taken');
    t.match(
      lines().map(({ error, level }) => error ?? level),
      ['it responded 429', 'info'],
    );
  });

  t.test('a collector that refuses', async (t) => {
    const { url } = await startCollector(t, status(401));
    const { call, lines, spans } = await openSidecar(t, url);
    t.equal((await call()).status, 200);
    await eventually('they are counted', async () => (await spans('dropped')) === 2);
    t.match(lines(), [{ error: 'it responded 401' }]);
  });

  t.test('a collector that rejects spans in a 200', async (t) => {
    const { url } = await startCollector(
      t,
      (response) => void response.end(partialSuccess(1, 'no')),
    );
    const { call, spans } = await openSidecar(t, url);
    await call();
    await eventually('they are counted', async () => (await spans('dropped')) === 1);
    t.equal(await spans('exported'), 1);
  });
});

t.test('spans that wait are sent at the end', async (t) => {
  const { url, spans } = await startCollector(t);
  const { sidecar, call } = await openSidecar(t, url);
  for (let i = 0; i < 100; i++) await call();
  await sidecar.stop();
  t.equal(spans.length, 200);
});
