/** What metrics, log and live page show of policies in shadow. */
import t from 'tap';
import { loadText } from '../../src/config/load.js';
import type { Emit, ExchangeSummary } from '../../src/core/events.js';
import type { InspectableUpstream, Inspection } from '../../src/core/inspect.js';
import { createLayers, type Layers } from '../../src/core/layers.js';
import type { ForcedState } from '../../src/core/inspect.js';
import { policies, type PolicyLayers } from '../../src/policies/index.js';
import { createMetrics } from '../../src/telemetry/instruments/metrics.js';
import type { AccessLog, AccessSample } from '../../src/telemetry/log/access.js';
import { createLogSink } from '../../src/telemetry/log/log-sink.js';
import { createLogger } from '../../src/telemetry/log/logger.js';
import { createRow } from '../../src/telemetry/stream/rows.js';
import { Trends } from '../../src/telemetry/stream/trends.js';
import { fakeAttempt, fakeContext } from '../support/fake-call.js';
import { FakeClock, settle } from '../support/fake-clock.js';
import { fakeScope } from '../support/fake-layers.js';
import { FakeStage } from '../support/fake-stage.js';
import { readPage } from '../support/page.js';

const SHADOW = `{
  circuitBreaker: { mode: shadow }, bulkhead: { mode: shadow, maxConcurrent: 7 },
  rateLimit: { mode: shadow }, timeout: { adaptive: { mode: shadow } } }`;

/** One upstream with real layers. */
function build(written: string) {
  const clock = new FakeClock();
  const { config } = loadText(
    `profiles: { p: ${written} }\nupstreams: { a: { listen: 1, target: 'http://a', profile: p } }`,
    'test.yaml',
    {},
  );
  const settings = config!.upstreams[0]!.policies;
  const trends = new Trends({ clock, policies });
  t.teardown(() => trends.close());
  let emit: Emit = trends.scope('a', '');
  const context = fakeContext(clock, { upstream: 'a', emit: (event) => emit(event) });
  const layers: PolicyLayers = createLayers(policies, settings, context);
  const upstream: InspectableUpstream = {
    name: 'a',
    target: 'http://a',
    tunnels: 0,
    lastError: undefined,
    endpoints: { list: () => [], drain: () => undefined, undrain: () => undefined },
  };
  const scopes = [fakeScope('a', '', layers as Layers)];
  const inspection: Inspection = {
    policies,
    isReady: () => true,
    scopes: () => scopes,
    upstreams: () => [upstream],
    config: () => ({}),
  };
  const shadowed: string[] = [];
  const metrics = createMetrics({ clock, version: '1', inspection, shadowed: () => shadowed });
  const toTrends = emit;
  const toMetrics = metrics.scope('a', '');
  emit = (event) => {
    toTrends(event);
    toMetrics(event);
  };
  return {
    clock,
    shadowed,
    emit: (event: Parameters<Emit>[0]) => emit(event),
    force: (state: ForcedState) => layers.circuitBreaker!.circuit.force(state),
    /** Failures in a row that would open the circuit. */
    fail: async (): Promise<void> => {
      const stage = new FakeStage();
      for (let i = 0; i < 5; i++) {
        layers
          .circuitBreaker!.wrap(stage)
          .run(fakeAttempt())
          .catch(() => {});
        stage.last.respond({ status: 500, isComplete: true });
        await settle();
      }
    },
    row: () =>
      createRow({
        inspection,
        upstream,
        scopes,
        record: trends.of('a'),
        slot: trends.slot,
        share: trends.share,
        wallMs: clock.wallNow(),
      }),
    samples: async (pattern: RegExp) =>
      (await readPage(metrics.exposition()))
        .split('\n')
        .filter((line) => pattern.test(line))
        .map((line) => line.slice('breakwater_'.length)),
  };
}

t.test(
  'each policy in shadow has its series from the start, an enforced one has none',
  async (t) => {
    const { samples, shadowed } = build(SHADOW);
    shadowed.push('overload');
    t.same(await samples(/^breakwater_shadow_total/), [
      'shadow_total{upstream="a",route="",policy="rateLimit",reason="rate-limited"} 0',
      'shadow_total{upstream="a",route="",policy="bulkhead",reason="bulkhead-full"} 0',
      'shadow_total{upstream="a",route="",policy="bulkhead",reason="bulkhead-timeout"} 0',
      'shadow_total{upstream="a",route="",policy="circuitBreaker",reason="circuit-open"} 0',
      'shadow_total{upstream="a",route="",policy="timeout.adaptive",reason="timeout-attempt"} 0',
    ]);
    t.same(await samples(/^breakwater_policy_in_shadow/), [
      'policy_in_shadow{upstream="",route="",policy="overload"} 1',
      'policy_in_shadow{upstream="a",route="",policy="rateLimit"} 1',
      'policy_in_shadow{upstream="a",route="",policy="bulkhead"} 1',
      'policy_in_shadow{upstream="a",route="",policy="circuitBreaker"} 1',
      'policy_in_shadow{upstream="a",route="",policy="timeout.adaptive"} 1',
    ]);
    const enforced = build('{ rateLimit: {}, timeout: { adaptive: {} } }');
    t.same(await enforced.samples(/^breakwater_(shadow|policy_in_shadow)/), []);
  },
);

t.test('no alert on an open circuit fires for one in shadow', async (t) => {
  const { samples, fail, force } = build(SHADOW);
  const shown = async () =>
    (await samples(/circuit_state\{.* 1$/)).map((line) => line.slice(0, -2));
  await fail();
  t.same(await shown(), [
    'circuit_state{upstream="a",route="",state="closed"}',
    'shadow_circuit_state{upstream="a",route="",state="open"}',
  ]);
  t.same(await samples(/circuit_transitions_total\{/), [
    'circuit_transitions_total{upstream="a",route="",from="closed",to="open"} 0',
    'shadow_circuit_transitions_total{upstream="a",route="",from="closed",to="open"} 1',
  ]);
  force('forced-open');
  t.same(await shown(), [
    'circuit_state{upstream="a",route="",state="forced-open"}',
    'shadow_circuit_state{upstream="a",route="",state="forced-open"}',
  ]);
});

t.test('the learned timeout is shown beside that which is in force', async (t) => {
  const { samples } = build('{ timeout: { attempt: 3s, adaptive: { mode: shadow } } }');
  t.same(await samples(/attempt_timeout_seconds\{/), ['attempt_timeout_seconds{upstream="a"} 3']);
});

t.test('the live page shows what is in shadow, and takes none of it for trouble', async (t) => {
  const { row, fail, emit, force } = build(SHADOW);
  await fail();
  const refused = { type: 'shadow-refused', policy: 'bulkhead', reason: 'bulkhead-full' };
  for (let i = 0; i < 3; i++) emit(refused);
  emit({ ...refused, reason: 'bulkhead-timeout' } as typeof refused);
  t.match(row(), {
    trouble: { state: 'idle', weight: 0 },
    slot: { circuit: 'closed' },
    circuits: [{ state: 'open', mode: 'shadow' }],
    bulkhead: { mode: 'shadow', limit: 7 },
    rateLimit: { mode: 'shadow' },
    shadow: [
      { route: '', policy: 'rateLimit', wouldRefuse: {} },
      { policy: 'bulkhead', wouldRefuse: { 'bulkhead-full': 3, 'bulkhead-timeout': 1 } },
      { policy: 'circuitBreaker' },
      { policy: 'timeout.adaptive' },
    ],
  });
  force('forced-open');
  t.match(row(), { trouble: { state: 'forced-open' } });
});

t.test('more calls than slots are no trouble in shadow', async (t) => {
  const { row } = build('{ bulkhead: { mode: shadow, maxConcurrent: 1, maxQueue: 0 } }');
  t.not(row().trouble.state, 'full');
});

const ok: ExchangeSummary = {
  method: 'GET',
  path: '/',
  status: 200,
  reason: '',
  durationMs: 1,
  waitedMs: 0,
  upstreamMs: 1,
  deadlineLeftMs: undefined,
  grpcCode: undefined,
  results: ['success'],
  endpoints: [],
  interventions: [],
  upstreamStatus: 200,
  client: undefined,
  bytesIn: 0,
  bytesOut: 0,
  attempts: 1,
  requestId: 'r',
  trace: undefined,
  shadow: ['circuit-open'],
  substitution: undefined,
  error: undefined,
};

function log(access: AccessLog, sample: Partial<AccessSample> = {}, random = () => 0) {
  const lines: Record<string, unknown>[] = [];
  const clock = new FakeClock();
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const logger = createLogger({ level: 'info', destination });
  const options = { logger, clock, policies, random, access, sample: { ok: 1, ...sample } };
  const emit = createLogSink(options).scope('a', '');
  const finish = (changes: Partial<ExchangeSummary> = {}) =>
    emit({ type: 'exchange-finished', summary: { ...ok, ...changes } });
  return { lines, clock, finish };
}

t.test('a call that would have been refused has the line that a refusal has', async (t) => {
  const { lines, clock, finish } = log('errors');
  finish();
  t.match(lines, [{ status: 200, reason: '', shadow: ['circuit-open'] }]);
  for (let i = 0; i < 500; i++) finish();
  t.equal(lines.length, 100, 'and the same limit');
  clock.stall(1000);
  finish();
  t.match(lines.at(-1), { leftOut: 401 });
});

t.test('a call without it has no field `shadow`', async (t) => {
  const { lines, finish } = log('all');
  finish({ shadow: [] });
  t.notOk('shadow' in lines[0]!);
});

t.test('neither a sample of good calls nor a failure leaves it out', async (t) => {
  const sampled = log('all', { ok: 0.1 }, () => 0.5);
  sampled.finish();
  sampled.finish({ shadow: [] });
  t.equal(sampled.lines.length, 1);
  const failed = log('errors');
  failed.finish({ status: 502 });
  t.match(failed.lines, [{ status: 502, shadow: ['circuit-open'] }]);
  const off = log('off');
  off.finish();
  t.same(off.lines, []);
});
