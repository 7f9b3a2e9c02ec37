import t from 'tap';
import {
  send,
  startSidecar,
  startUpstream,
  type TestSidecar,
  type Teardown,
} from '../support/sidecar.js';

/** Responds after 20 ms, and never to a path that ends in /hang. */
const startMoody = (t: Teardown) =>
  startUpstream(t, (request, response) => {
    if (!request.url!.endsWith('/hang')) setTimeout(() => response.end('ok'), 20);
  });

async function learn(sidecar: TestSidecar, path = '/'): Promise<void> {
  for (let i = 0; i < 10; i++) await send(sidecar.url('a') + path);
}

const shown = (sidecar: TestSidecar) =>
  sidecar.metric('breakwater_attempt_timeout_seconds', { upstream: 'a' });

const timed = async (url: string) => {
  const startMs = performance.now();
  const response = await send(url);
  return { response, ms: performance.now() - startMs };
};

t.test('cuts off a hanging attempt as soon as it has learned to, and shows when', async (t) => {
  const upstream = await startMoody(t);
  const sidecar = await startSidecar(
    t,
    `upstreams:
  a:
    listen: 0
    target: "${upstream.url}"
    retry: off
    timeout: { attempt: 10s, adaptive: { min: 500ms, max: 2s } }`,
  );
  t.equal(await shown(sidecar), 10);
  await learn(sidecar);
  t.equal(await shown(sidecar), 0.5);
  t.match(await sidecar.json('/upstreams'), { upstreams: [{ attemptTimeoutMs: 500 }] });
  const { response, ms } = await timed(`${sidecar.url('a')}/hang`);
  t.equal(response.status, 504);
  t.equal(response.headers['x-breakwater-reason'], 'timeout-attempt');
  t.match(response.text, 'within 500 ms (timeout.adaptive)');
  t.ok(ms > 490 && ms < 5000, `cut off after ${ms} ms`);
  t.equal(await shown(sidecar), 0.75, 'it would have come later still');
  t.equal(await sidecar.metric('breakwater_attempts_total', { outcome: 'timeout' }), 1);
});

t.test('knows no attempt timeout where it has nothing but what it learns', async (t) => {
  const upstream = await startMoody(t);
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}", timeout: { attempt: off, adaptive: {} } } }`,
  );
  t.match(await sidecar.json('/upstreams'), { upstreams: [{ attemptTimeoutMs: null }] });
  await learn(sidecar);
  t.match(await sidecar.json('/upstreams'), { upstreams: [{ attemptTimeoutMs: 1000 }] });
});

t.test('goes on with what it has learned after a reload, also in a shorter window', async (t) => {
  const upstream = await startMoody(t);
  const yaml = (window: number, min: string) =>
    `upstreams: { a: { listen: 0, target: "${upstream.url}", timeout: { adaptive: { min: ${min}, window: ${window} } } } }`;
  const sidecar = await startSidecar(t, yaml(100, '500ms'));
  await learn(sidecar);
  sidecar.edit(yaml(10, '600ms'));
  t.match(await sidecar.reload(), { kind: 'success' });
  t.equal(await shown(sidecar), 0.6);
});

t.test('a route that writes timeout learns for itself', async (t) => {
  const upstream = await startMoody(t);
  const sidecar = await startSidecar(
    t,
    `upstreams:
  a:
    listen: 0
    target: "${upstream.url}"
    retry: off
    timeout: { adaptive: { min: 2s } }
    routes:
      - { name: own, match: { path: "/own/*" }, timeout: { adaptive: { min: 500ms } } }
      - { name: shared, match: { path: "/shared/*" }, bulkhead: { maxConcurrent: 3 } }`,
  );
  await learn(sidecar, '/own/x');
  t.equal(await shown(sidecar), 10, 'the upstream has learned nothing');
  const { response, ms } = await timed(`${sidecar.url('a')}/own/hang`);
  t.equal(response.status, 504);
  // At least `min`; more where a busy machine has made the responses slow that were learned from.
  const limitMs = Number(/within (\d+) ms \(timeout\.adaptive\)/.exec(response.text)?.[1]);
  t.ok(limitMs >= 500 && limitMs < 2000, `the route's own limit is ${limitMs} ms`);
  t.ok(ms > limitMs - 10, `cut off after ${ms} ms`);
  await learn(sidecar, '/shared/x');
  t.equal(await shown(sidecar), 2, 'a route that does not is its upstream');
});

t.test('gives each further attempt more where attemptGrowth says so', async (t) => {
  const upstream = await startMoody(t);
  const sidecar = await startSidecar(
    t,
    `upstreams:
  a:
    listen: 0
    target: "${upstream.url}"
    timeout: { attempt: 200ms, attemptGrowth: 100% }
    retry: { maxAttempts: 2, backoff: { baseDelay: 1ms } }`,
  );
  const { response, ms } = await timed(`${sidecar.url('a')}/hang`);
  t.match(response.text, 'within 400 ms (timeout.attempt)');
  t.equal(response.headers['x-breakwater-attempts'], '2');
  t.ok(ms > 590, `200 + 400 ms, and it took ${ms}`);
  t.equal(await shown(sidecar), 0.2);
});
