/** What the policies of a file make of each scenario. */
import t from 'tap';
import { loadText } from '../../src/config/load.js';
import { seeded } from '../../src/simulation/chance.js';
import type { PhaseFigures } from '../../src/simulation/figures.js';
import { phasesOf, simulate } from '../../src/simulation/run.js';
import { scenarioNames, type ScenarioName } from '../../src/simulation/scenario-names.js';
import { scenarioOf } from '../../src/simulation/scenarios.js';
import { generateTraffic } from '../../src/simulation/traffic.js';

interface Run {
  readonly keys?: Readonly<Record<string, unknown>>;
  readonly others?: Readonly<Record<string, unknown>>;
  readonly rps?: number;
  readonly seconds?: number;
  readonly seed?: number;
  readonly capacity?: number;
  readonly latencyMs?: number;
}

async function play(
  name: ScenarioName,
  {
    keys = {},
    others = {},
    rps = 50,
    seconds = 40,
    seed = 1,
    capacity = 2 * rps,
    latencyMs = 50,
  }: Run = {},
) {
  const catalog = { listen: 8101, target: 'http://catalog.internal:8080', ...keys };
  const text = JSON.stringify({ upstreams: { catalog, ...others } });
  const { config, diagnostics } = loadText(text, 'test.yaml', {});
  if (config === undefined) throw new Error(JSON.stringify(diagnostics));
  const durationMs = seconds * 1000;
  const simulated = await simulate(config, {
    upstream: 'catalog',
    scenario: scenarioOf(name),
    seed,
    source: {
      durationMs,
      open: (upstream) => generateTraffic(upstream, rps, durationMs, seeded(seed + 1000)),
    },
    model: { capacity, latencyMs },
  });
  return { ...simulated, phases: simulated.figures.list().map(({ figures }) => figures) };
}

const goodShare = ({ good, offered }: PhaseFigures) => good / offered;
const refusedOf = ({ refused }: PhaseFigures) =>
  Object.values(refused).reduce((sum, count) => sum + count, 0);

t.test('each scenario has a quarter of the time, and what comes of it two', async (t) => {
  t.same(phasesOf(scenarioOf('slow'), 10_001), [
    { name: 'before', fromMs: 0, toMs: 2500 },
    { name: 'slow', fromMs: 2500, toMs: 5001 },
    { name: 'recovery', fromMs: 5001, toMs: 7501 },
    { name: 'after', fromMs: 7501, toMs: 10_001 },
  ]);
  t.same(phasesOf(scenarioOf('steady'), 10_001), [{ name: 'steady', fromMs: 0, toMs: 10_001 }]);
  for (const name of scenarioNames) t.equal(scenarioOf(name).name, name);
});

t.test('before anything happens all calls are good, and each call is in one column', async (t) => {
  for (const name of scenarioNames) {
    if (name === 'bad-route') continue;
    const { phases } = await play(name, { seconds: 20 });
    t.ok(goodShare(phases[0]!) > 0.99, name);
    for (const phase of phases) {
      const { offered, good, degraded, failed } = phase;
      t.equal(good + degraded + failed + refusedOf(phase), offered, `${name}, ${phase.name}`);
    }
  }
});

t.test('an outage opens the circuit, which refuses until it probes', async (t) => {
  const { phases, figures } = await play('outage', {
    keys: { circuitBreaker: { recoveryTimeout: '5s' } },
    seconds: 80,
  });
  const [before, outage, recovery, after] = phases as [
    PhaseFigures,
    PhaseFigures,
    PhaseFigures,
    PhaseFigures,
  ];
  t.ok(goodShare(before) > 0.99);
  t.equal(outage.good, 0);
  t.equal(outage.p50Ms, null);
  t.ok(outage.refused['circuit-open']! > 0.95 * outage.offered);
  t.ok(outage.upstreamCalls < 0.05 * outage.offered, `${outage.upstreamCalls}`);
  t.ok(goodShare(recovery) > 0.7 && goodShare(recovery) < 1, `${goodShare(recovery)}`);
  t.equal(goodShare(after), 1);
  const states = figures.circuits.map((seen) => seen.get(''));
  t.equal(states[5], 'closed');
  t.equal(states[20], 'open');
  t.equal(states[59], 'closed');
});

t.test('without policies, an outage fails all calls and each call goes upstream', async (t) => {
  const { phases } = await play('outage', { keys: { circuitBreaker: 'off', retry: 'off' } });
  const outage = phases[1]!;
  t.equal(outage.failed, outage.offered);
  t.ok(Math.abs(outage.upstreamCalls - outage.offered) < 10);
  t.ok(goodShare(phases[2]!) > 0.99);
});

t.test('a fallback counts as degraded, whatever it falls back to', async (t) => {
  const keys = { fallback: [{ upstream: 'spare' }] };
  const others = { spare: { listen: 8102, target: 'http://spare.internal' } };
  const { phases } = await play('outage', { keys, others });
  const outage = phases[1]!;
  t.equal(outage.degraded, outage.offered);
  t.ok(outage.p50Ms! > 20 && outage.p50Ms! < 80, 'that of the other upstream');
});

t.test('a flaky upstream is made up for by retries, within their budget', async (t) => {
  const [alone, retried] = await Promise.all([
    play('flaky', { keys: { retry: 'off', circuitBreaker: 'off' } }),
    play('flaky', { keys: { circuitBreaker: 'off' } }),
  ]);
  t.ok(Math.abs(goodShare(alone.phases[1]!) - 0.7) < 0.05, `${goodShare(alone.phases[1]!)}`);
  t.ok(goodShare(retried.phases[1]!) > 0.85);
  const { attemptsPerCall } = retried.phases[1]!;
  t.ok(attemptsPerCall > 1.1 && attemptsPerCall < 1.35, `${attemptsPerCall}`);
});

t.test('a slow upstream has its capacity, one that browns out has a quarter of it', async (t) => {
  const bulkhead = { maxConcurrent: 500, maxQueue: 0 };
  const slow = await play('slow', { keys: { bulkhead } });
  t.ok(goodShare(slow.phases[1]!) > 0.99);
  t.ok(slow.phases[1]!.p50Ms! > 600, `${slow.phases[1]!.p50Ms}`);
  const brownout = await play('brownout', {
    keys: { bulkhead: { maxConcurrent: 20 } },
    seconds: 80,
  });
  const good = brownout.phases[1]!.good / 20;
  t.ok(good > 20 && good < 32, `${good} of 25 per second`);
  t.ok(refusedOf(brownout.phases[1]!) > 300);
});

t.test('a spike is five times the calls, a herd the same number', async (t) => {
  const steady = await play('steady');
  const spike = await play('spike');
  const herd = await play('thundering-herd', {
    keys: { bulkhead: { maxConcurrent: 10, maxQueue: 0 } },
  });
  const [before, during] = spike.phases as [PhaseFigures, PhaseFigures];
  t.ok(Math.abs(during.offered / before.offered - 5) < 0.6, `${during.offered / before.offered}`);
  t.ok(refusedOf(during) > 0.3 * during.offered, 'the bulkhead protects the upstream');
  const sum = herd.phases.reduce((total, { offered }) => total + offered, 0);
  t.equal(sum, steady.phases[0]!.offered);
  t.ok(refusedOf(herd.phases[1]!) > 0.5 * herd.phases[1]!.offered);
  t.ok(goodShare(herd.phases[3]!) > 0.99);
});

const searchRoute = (keys: object) => [{ name: 'search', match: { path: '/search/*' }, ...keys }];

/** With a route that is bad. */
const withSearch = (own: object) => ({
  target: 'http://catalog.internal/v1',
  retry: 'off',
  routes: searchRoute(own),
});

t.test('one bad route is bad for itself only if it has a circuit of its own', async (t) => {
  const shared = await play('bad-route', { keys: withSearch({}) });
  const apart = await play('bad-route', {
    keys: withSearch({ circuitBreaker: { failureThreshold: 5 } }),
  });
  t.ok(goodShare(apart.phases[1]!) > 0.4, `${goodShare(apart.phases[1]!)}`);
  t.ok(goodShare(shared.phases[1]!) < 0.3, `${goodShare(shared.phases[1]!)}`);
  t.equal(apart.phases[1]!.refused['circuit-open']! > 150, true);
  await t.rejects(play('bad-route'), /bad-route because upstream catalog has no routes/);
});

t.test('callers send a key of their own where one is required', async (t) => {
  const routes = [{ name: 'order', match: { methods: ['POST'], path: '/orders' } }];
  const { phases } = await play('steady', {
    keys: { idempotency: { required: true, header: 'X-Key' }, routes },
    seconds: 10,
  });
  t.equal(phases[0]!.good, phases[0]!.offered);
});

t.test('half a fleet is left out by ejection', async (t) => {
  const keys = { timeout: { attempt: '1s' } };
  const { phases, endpoints } = await play('half-a-fleet', { keys, rps: 100 });
  t.equal(endpoints, 4);
  t.ok(goodShare(phases[1]!) > 0.95, `${goodShare(phases[1]!)}`);
  const written = { targets: ['http://10.0.0.1', 'http://10.0.0.2'], target: undefined };
  t.equal((await play('half-a-fleet', { keys: written, seconds: 8 })).endpoints, 2);
  const alone = { keys: { target: 'http://10.0.0.1' } };
  await t.rejects(play('half-a-fleet', alone), /has one endpoint only/);
  const first = { keys: { resolve: { addresses: 'first' } } };
  await t.rejects(play('half-a-fleet', first), /has one endpoint only/);
});

const flakyPhases = async (seed: number) => (await play('flaky', { seed, seconds: 20 })).phases;

t.test('the same seed gives the same figures, another one others', async (t) => {
  t.same(await flakyPhases(4), await flakyPhases(4));
  t.notSame(await flakyPhases(4), await flakyPhases(5));
});

t.test('a call that does not end within ten minutes counts as failed', async (t) => {
  const off = ['timeout', 'deadline', 'retry', 'bulkhead', 'circuitBreaker'];
  const keys = Object.fromEntries(off.map((key) => [key, 'off']));
  const { phases } = await play('steady', { keys, rps: 20, capacity: 0.1, latencyMs: 1000 });
  const { offered, good, failed } = phases[0]!;
  t.ok(good > 600 && good < 660, `${good}: one per second`);
  t.equal(good + failed, offered);
});
