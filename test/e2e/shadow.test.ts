/** Policies in shadow, over real sockets: callers notice nothing, and metrics, log and admin endpoints tell what would be. */
import t from 'tap';
import { startRedis, withoutRedis } from '../support/redis.js';
import {
  eventually,
  send,
  startSidecar,
  startUpstream,
  type TestSidecar,
} from '../support/sidecar.js';

const noted = (sidecar: TestSidecar, policy: string, reason: string, labels = {}) =>
  sidecar.metric('breakwater_shadow_total', { policy, reason, ...labels });

/** The lines of calls that would have been refused. */
const shadowLines = ({ logs }: TestSidecar) =>
  logs.flatMap(({ msg, status, reason, shadow }) =>
    msg === 'exchange' && shadow !== undefined ? [{ status, reason, shadow }] : [],
  );

const messages = ({ logs }: TestSidecar) => logs.map(({ msg }) => String(msg));

/** An upstream that fails until it is told to be well. */
async function startPatient(t: Parameters<typeof startUpstream>[0]) {
  const state = { status: 500 };
  const upstream = await startUpstream(t, (_request, response) => {
    response.writeHead(state.status).end('its own');
  });
  return { state, ...upstream };
}

t.test('a circuit opens and closes, and each call goes to the upstream', async (t) => {
  const { state, url, seen } = await startPatient(t);
  const sidecar = await startSidecar(
    t,
    `upstreams:
  a:
    listen: 0
    target: "${url}"
    circuitBreaker: { mode: shadow, failureThreshold: 3, recoveryTimeout: 3s, successThreshold: 1 }
    retry: { maxAttempts: 2, statuses: [503] }
    fallback: [static: { status: 200, body: instead }]`,
  );
  const a = sidecar.url('a');
  t.equal(await noted(sidecar, 'circuitBreaker', 'circuit-open'), 0);
  for (let i = 0; i < 3; i++) await send(a);
  t.match(await sidecar.json('/circuits'), { circuits: [{ state: 'open', mode: 'shadow' }] });
  t.match(await sidecar.json('/upstreams'), {
    upstreams: [{ circuit: 'open', shadow: ['circuitBreaker'] }],
  });
  state.status = 200;
  const response = await send(a);
  t.match(response, { status: 200, text: 'its own' }, 'no fallback stands in for it');
  t.equal(response.headers['x-breakwater-reason'], undefined);
  t.equal(seen.length, 4, `four requests; the log: ${JSON.stringify(sidecar.logs)}`);
  t.equal(await noted(sidecar, 'circuitBreaker', 'circuit-open', { upstream: 'a', route: '' }), 1);
  t.equal(await sidecar.metric('breakwater_rejections_total', { reason: 'circuit-open' }), 0);
  const open = { upstream: 'a', state: 'open' };
  t.equal(await sidecar.metric('breakwater_circuit_state', open), 0);
  t.equal(await sidecar.metric('breakwater_shadow_circuit_state', open), 1);
  t.equal((await send(`${sidecar.admin}/readyz`)).status, 200);
  t.same(shadowLines(sidecar), [{ status: 200, reason: '', shadow: ['circuit-open'] }]);
  await eventually('it would probe', async () => {
    await send(a);
    return messages(sidecar).some((message) => message.includes('would have closed'));
  });
  t.match(
    messages(sidecar).filter((message) => message.startsWith('circuit')),
    [/^circuit of a would have opened because 3 failures/, /half-open/, /closed/],
  );
});

t.test('retries of a circuit in shadow go on, and a call counts once', async (t) => {
  const { url, seen } = await startPatient(t);
  const sidecar = await startSidecar(
    t,
    `upstreams:
  a:
    listen: 0
    target: "${url}"
    circuitBreaker: { mode: shadow, failureThreshold: 2 }
    retry: { maxAttempts: 3, statuses: [500], backoff: { baseDelay: 1ms } }`,
  );
  t.equal((await send(sidecar.url('a'))).status, 500);
  t.equal(seen.length, 3);
  t.equal(await noted(sidecar, 'circuitBreaker', 'circuit-open'), 1, 'its retry would be denied');
  t.equal(await sidecar.metric('breakwater_retries_denied_total', { cause: 'circuit' }), 0);
  await send(sidecar.url('a'));
  t.equal(seen.length, 6);
  t.equal(await noted(sidecar, 'circuitBreaker', 'circuit-open'), 2);
});

t.test('an order of an operator is obeyed in shadow', async (t) => {
  const { state, url, seen } = await startPatient(t);
  state.status = 200;
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${url}", circuitBreaker: { mode: shadow } } }`,
  );
  const order = (body: string) =>
    send(`${sidecar.admin}/circuits/a`, {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json' },
      body,
    });
  t.match(JSON.parse((await order('{"state":"forced-open"}')).text), {
    state: 'forced-open',
    mode: 'shadow',
  });
  const refused = await send(sidecar.url('a'));
  t.equal(refused.status, 503);
  t.equal(refused.headers['x-breakwater-reason'], 'circuit-open');
  t.equal(seen.length, 0);
  t.equal(await noted(sidecar, 'circuitBreaker', 'circuit-open'), 0);
  const forced = { state: 'forced-open' };
  t.equal(await sidecar.metric('breakwater_circuit_state', forced), 1);
  await order('{"state":"auto"}');
  t.equal((await send(sidecar.url('a'))).status, 200);
});

t.test('a bulkhead queues no call', async (t) => {
  let held: (() => void)[] = [];
  const upstream = await startUpstream(t, (_request, response) => {
    held.push(() => response.end('ok'));
  });
  const sidecar = await startSidecar(
    t,
    `upstreams:
  a:
    listen: 0
    target: "${upstream.url}"
    bulkhead: { mode: shadow, maxConcurrent: 1, maxQueue: 1, queueTimeout: 200ms }`,
  );
  const calls = Array.from({ length: 4 }, () => send(sidecar.url('a')));
  await eventually('all are at the upstream', () => held.length === 4);
  t.match(await sidecar.json('/upstreams'), {
    upstreams: [
      { bulkhead: { mode: 'shadow', active: 4, queued: 0, limit: 1 }, shadow: ['bulkhead'] },
    ],
  });
  t.equal(await noted(sidecar, 'bulkhead', 'bulkhead-full'), 2);
  await eventually(
    'the one that would wait has waited for too long',
    async () => (await noted(sidecar, 'bulkhead', 'bulkhead-timeout')) === 1,
  );
  for (const end of held) end();
  for (const { status } of await Promise.all(calls)) t.equal(status, 200);
  held = [];
  t.equal(await sidecar.metric('breakwater_rejections_total'), 0);
  t.same(
    shadowLines(sidecar)
      .map(({ shadow }) => (shadow as string[]).join())
      .toSorted(),
    ['bulkhead-full', 'bulkhead-full', 'bulkhead-timeout'],
  );
  t.equal(await sidecar.metric('breakwater_bulkhead_wait_seconds_sum'), 0);
});

t.test('a rate limit tells clients nothing', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end('ok'));
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}", rateLimit: { mode: shadow, rate: 2/h, burst: 2 } } }`,
  );
  for (let i = 0; i < 5; i++) {
    const { status, headers } = await send(sidecar.url('a'));
    t.equal(status, 200);
    t.equal(headers['ratelimit'], undefined);
    t.equal(headers['ratelimit-policy'], undefined);
  }
  t.equal(await noted(sidecar, 'rateLimit', 'rate-limited'), 3);
  t.equal(await sidecar.metric('breakwater_rate_limited_total'), 0);
  t.same(shadowLines(sidecar)[0], { status: 200, reason: '', shadow: ['rate-limited'] });
});

t.test('replicas in shadow count together', { skip: withoutRedis }, async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end('ok'));
  const redis = await startRedis(t);
  const yaml = `stores: { kind: redis, url: "${redis.url}" }
upstreams: { a: { listen: 0, target: "${upstream.url}", rateLimit: { mode: shadow, rate: 4/h, burst: 4, shared: true } } }`;
  const sidecars = [await startSidecar(t, yaml), await startSidecar(t, yaml)];
  for (let i = 0; i < 10; i++) {
    t.equal((await send(sidecars[i % 2]!.url('a'))).status, 200);
  }
  const counts = await Promise.all(
    sidecars.map((sidecar) => noted(sidecar, 'rateLimit', 'rate-limited')),
  );
  t.same(counts, [3, 3]);
});

t.test('overload sheds nothing', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end('ok'));
  const sidecar = await startSidecar(
    t,
    `overload: { mode: shadow, eventLoopDelay: off, memory: 0.01%, shed: 100% }
upstreams: { a: { listen: 0, target: "${upstream.url}", routes: [{ name: r, match: { path: /r } }] } }`,
  );
  t.equal((await send(sidecar.url('a'))).status, 200);
  t.equal((await send(`${sidecar.url('a')}/r`)).status, 200);
  for (const route of ['', 'r']) {
    t.equal(await noted(sidecar, 'overload', 'overloaded', { upstream: 'a', route }), 1);
  }
  t.equal(await sidecar.metric('breakwater_policy_in_shadow', { policy: 'overload' }), 1);
  t.match(messages(sidecar), [/^overloaded: 100% of calls would be shed because/]);
  t.same(shadowLines(sidecar)[0]?.shadow, ['overloaded']);
});

t.test('a learned timeout cuts nothing', async (t) => {
  const upstream = await startUpstream(t, (request, response) => {
    setTimeout(() => response.end('ok'), request.url === '/slow' ? 400 : 0);
  });
  const sidecar = await startSidecar(
    t,
    `upstreams:
  a:
    listen: 0
    target: "${upstream.url}"
    timeout: { attempt: 5s, adaptive: { mode: shadow, min: 200ms, max: 200ms, minSamples: 3 } }`,
  );
  for (let i = 0; i < 3; i++) await send(sidecar.url('a'));
  t.equal(await sidecar.metric('breakwater_attempt_timeout_seconds', { upstream: 'a' }), 5);
  t.equal(await sidecar.metric('breakwater_shadow_attempt_timeout_seconds'), 0.2);
  t.equal((await send(`${sidecar.url('a')}/slow`)).status, 200);
  t.equal(await noted(sidecar, 'timeout.adaptive', 'timeout-attempt'), 1);
  t.equal(await sidecar.metric('breakwater_attempts_total', { outcome: 'timeout' }), 0);
  t.match(await sidecar.json('/upstreams'), {
    upstreams: [{ attemptTimeoutMs: 5000, shadow: ['timeout.adaptive'] }],
  });
});

t.test('a route may be in shadow by itself, and by a reload', async (t) => {
  const { url, seen } = await startPatient(t);
  const yaml = (mode: string) => `upstreams:
  a:
    listen: 0
    target: "${url}"
    retry: off
    circuitBreaker: { failureThreshold: 2, recoveryTimeout: 1m }
    routes:
      - { name: new, match: { path: /new }, circuitBreaker: { mode: ${mode} } }`;
  const sidecar = await startSidecar(t, yaml('shadow'));
  const statuses = async (path: string, count: number) => {
    const found = [];
    for (let i = 0; i < count; i++) found.push((await send(sidecar.url('a') + path)).status);
    return found;
  };
  t.same(await statuses('/', 4), [500, 500, 503, 503]);
  t.same(await statuses('/new', 4), [500, 500, 500, 500]);
  t.equal(seen.length, 6);
  t.equal(await noted(sidecar, 'circuitBreaker', 'circuit-open', { route: 'new' }), 2);
  t.match(await sidecar.json('/circuits'), {
    circuits: [
      { route: '', mode: 'enforce', state: 'open' },
      { route: 'new', mode: 'shadow', state: 'open' },
    ],
  });
  sidecar.edit(yaml('enforce'));
  t.match(await sidecar.reload(), { kind: 'success' });
  t.same(await statuses('/new', 1), [503], 'it was open, and is');
  sidecar.edit(yaml('shadow'));
  await sidecar.reload();
  t.same(await statuses('/new', 1), [500]);
  t.match(
    messages(sidecar).filter((message) => message.includes('mode')),
    [
      'circuit of a/new opened because its mode is enforce now',
      'circuit of a/new closed because its mode is shadow now',
    ],
  );
});
