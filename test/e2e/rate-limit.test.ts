import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import type { Socket } from 'node:net';
import t, { type Test } from 'tap';
import { startRedis, withoutRedis } from '../support/redis.js';
import {
  eventually,
  send,
  startSidecar,
  startUpstream,
  type ClientResponse,
} from '../support/sidecar.js';

const start = async (t: Test, status = 200) => {
  const upstream = await startUpstream(t, (_request, response) => {
    response.writeHead(status, { RateLimit: '"theirs";r=1;t=1' }).end('ok');
  });
  return upstream;
};

/** The remaining calls that a response tells, of the limit of that name. */
function remaining({ headers }: Pick<ClientResponse, 'headers'>, name: string): number {
  const found = new RegExp(`"${name}";r=(\\d+)`).exec(String(headers['ratelimit']));
  return Number(found?.[1] ?? NaN);
}

t.test('refuses what is over the limit, and says so everywhere', async (t) => {
  const upstream = await start(t);
  const sidecar = await startSidecar(
    t,
    `upstreams:
  a:
    listen: 0
    target: "${upstream.url}"
    rateLimit: { rate: 2/h, burst: 2 }
    fallback: [static: { status: 200, body: instead }]`,
  );
  t.equal(await sidecar.metric('breakwater_rate_limited_total', { upstream: 'a', route: '' }), 0);
  const responses: ClientResponse[] = [];
  for (let i = 0; i < 4; i++) responses.push(await send(sidecar.url('a')));
  t.same(
    responses.map(({ status }) => status),
    [200, 200, 429, 429],
    'a fallback does not stand in for it',
  );
  t.equal(upstream.seen.length, 2, 'it is not tried again');
  const { headers, text } = responses[2]!;
  t.match(headers, {
    'content-type': 'application/problem+json',
    'x-breakwater-reason': 'rate-limited',
    'proxy-status': 'breakwater; error=http_request_denied; details="rate-limited"',
    'ratelimit-policy': '"a";q=2;w=3600',
    ratelimit: '"a";r=0;t=1800',
    'retry-after': '1800',
  });
  t.match(JSON.parse(text), {
    type: 'urn:breakwater:rate-limited',
    status: 429,
    attempts: 0,
    error: { type: 'rate-limited' },
  });
  t.match(responses[0]!.headers, {
    'ratelimit-policy': '"a";q=2;w=3600',
    ratelimit: '"theirs";r=1;t=1, "a";r=1;t=1800',
  });
  t.equal(await sidecar.metric('breakwater_rate_limited_total', { upstream: 'a', route: '' }), 2);
  const labels = { upstream: 'a', reason: 'rate-limited' };
  t.equal(await sidecar.metric('breakwater_rejections_total', labels), 2);
  t.match(await sidecar.json('/upstreams'), {
    upstreams: [{ name: 'a', rateLimit: { remaining: 0, burst: 2, keys: 0 } }],
  });
  t.match(
    sidecar.logs.filter(({ reason }) => reason === 'rate-limited'),
    [{ status: 429 }, { status: 429 }],
  );
});

t.test('each response of a limited route has the fields', async (t) => {
  const upstream = await start(t);
  const broken = await start(t, 503);
  const sidecar = await startSidecar(
    t,
    `defaults: { retry: off }
upstreams:
  a:
    listen: 0
    target: "${upstream.url}"
    idempotency: {}
    routes:
      - { name: free, match: { path: /free } }
      - { name: own, match: { path: /own }, rateLimit: { rate: 5/h, burst: 5 } }
    rateLimit: { rate: 9/h, burst: 9, perKey: { rate: 3/h, burst: 3 } }
  broken:
    listen: 0
    target: "${broken.url}"
    rateLimit: { rate: 9/h, burst: 9 }
    fallback: [static: { status: 200, body: instead }]
  open: { listen: 0, target: "${upstream.url}" }`,
  );
  const a = sidecar.url('a');
  const post = { method: 'POST', headers: { 'Idempotency-Key': 'k', 'X-Api-Key': 'me' } };
  t.equal(remaining(await send(a, post), 'a:key'), 2);
  const replay = await send(a, post);
  t.equal(replay.headers['idempotency-replayed'], 'true');
  t.equal(remaining(replay, 'a:key'), 2, 'a replay costs nothing');
  t.equal(remaining(replay, 'a'), 8);
  const expired = await send(a, { headers: { 'X-Deadline': '1' } });
  t.equal(expired.headers['x-breakwater-reason'], 'deadline-expired');
  t.equal(remaining(expired, 'a'), 7);
  t.equal(remaining(await send(`${a}/free`), 'a'), 6, 'a route shares the limit');
  const own = await send(`${a}/own`);
  t.equal(remaining(own, 'a/own'), 4, 'or has one of its own');
  t.notMatch(own.headers['ratelimit'], /"a"/);
  t.equal(own.headers['ratelimit-policy'], '"a/own";q=5;w=3600');
  const instead = await send(sidecar.url('broken'));
  t.equal(instead.text, 'instead');
  t.equal(remaining(instead, 'broken'), 8);
  t.equal((await send(sidecar.url('open'))).headers['ratelimit-policy'], undefined);
});

t.test('an upgraded connection begins with the fields', async (t) => {
  const upstream = await start(t);
  upstream.server.on('upgrade', (_request, socket: Socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
    socket.end();
  });
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}", rateLimit: { rate: 9/h, burst: 9 } } }`,
  );
  const request = http.get(sidecar.url('a'), { headers: { Connection: 'Upgrade', Upgrade: 'x' } });
  const [response, socket] = (await once(request, 'upgrade')) as [http.IncomingMessage, Socket];
  socket.destroy();
  t.equal(remaining(response, 'a'), 8);
});

t.test('a gRPC call is refused in gRPC', async (t) => {
  const upstream = await start(t);
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}", rateLimit: { rate: 1/h, burst: 1 } } }`,
  );
  await send(sidecar.url('a'));
  const session = http2.connect(sidecar.url('a'));
  t.teardown(() => session.destroy());
  const stream = session.request({
    ':method': 'POST',
    ':path': '/pkg.Service/Method',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
  t.match(headers, {
    ':status': 200,
    'grpc-status': '8',
    'x-breakwater-reason': 'rate-limited',
    ratelimit: '"a";r=0;t=3600',
  });
});

t.test('a reload keeps what was counted', async (t) => {
  const upstream = await start(t);
  const yaml = (burst: number) =>
    `upstreams: { a: { listen: 0, target: "${upstream.url}", rateLimit: { rate: 1/h, burst: ${burst}, perKey: { rate: 1/h, burst: 1 } } } }`;
  const sidecar = await startSidecar(t, yaml(2));
  const options = { headers: { 'X-Api-Key': 'me' } };
  t.equal((await send(sidecar.url('a'), options)).status, 200);
  t.equal((await send(sidecar.url('a'))).status, 200);
  sidecar.edit(yaml(3));
  await sidecar.reload();
  t.equal((await send(sidecar.url('a'), options)).status, 429, 'its key is used up');
  t.equal((await send(sidecar.url('a'))).status, 200);
  t.equal((await send(sidecar.url('a'))).status, 429);
});

t.test('replicas share a limit', { skip: withoutRedis }, async (t) => {
  const upstream = await start(t);
  const redis = await startRedis(t);
  const yaml = `stores: { kind: redis, url: "${redis.url}" }
upstreams: { a: { listen: 0, target: "${upstream.url}", rateLimit: { rate: 11/h, burst: 11, shared: true } } }`;
  const sidecars = [await startSidecar(t, yaml), await startSidecar(t, yaml)];
  const urls = sidecars.map((sidecar) => sidecar.url('a'));
  const flood = async (count: number) => {
    const all = Array.from({ length: count }, (_, i) => send(urls[i % 2]!));
    return (await Promise.all(all)).filter(({ status }) => status === 200).length;
  };
  /** Lines of the log about the store: it is away, it is back. */
  const news = () =>
    sidecars.map(({ logs }) => logs.filter(({ store }) => store === 'redis').length);
  t.equal(await flood(4), 4);
  t.equal((await send(urls[0]!)).status, 200);
  t.equal(remaining(await send(urls[1]!), 'a'), 5, 'the second one knows what the first one did');
  const [before] = news();
  await redis.kill();
  await eventually('it is away', () => news().every((lines) => lines === before! + 1));
  t.equal(await flood(4), 4);
  t.equal(remaining(await send(urls[1]!), 'a'), 2, 'each goes on by what it knows');
  await redis.start();
  await eventually('it is back', () => news().every((lines) => lines === before! + 2));
  // Calls are counted at each for a moment more.
  await new Promise((resolve) => {
    setTimeout(resolve, 300);
  });
  // The store has lost its counts, but the replicas have not: the first knows of 7 calls, the second of 9.
  t.equal(remaining(await send(urls[0]!), 'a'), 3);
  t.equal(remaining(await send(urls[1]!), 'a'), 1);
  t.equal(await flood(40), 1);
});
