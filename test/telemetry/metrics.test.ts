import t, { type Test } from 'tap';
import { CallError, ClientGoneError } from '../../src/core/errors.js';
import type { Emit, ExchangeSummary } from '../../src/core/events.js';
import type { InspectableScope, InspectableUpstream, Inspection } from '../../src/core/inspect.js';
import { createMetrics } from '../../src/telemetry/instruments/metrics.js';
import type { CircuitStateName } from '../../src/policies/circuit-breaker/states.js';
import { policies, reasons } from '../../src/policies/index.js';
import type { KnownEvent } from '../../tools/docs/sample-events.js';
import { attemptFinished } from '../support/attempt-finished.js';
import { FakeClock } from '../support/fake-clock.js';
import { fakeLayer, fakeScope } from '../support/fake-layers.js';
import { readOpenMetrics } from '../support/open-metrics.js';
import { readPage } from '../support/page.js';

interface Running {
  scopes: InspectableScope[];
  upstreams: InspectableUpstream[];
}

function build(
  running: Partial<Running> = {},
  droppedLines = () => 0,
  memory?: () => { used: number; limit: number } | undefined,
) {
  const inspection: Inspection = {
    policies,
    isReady: () => true,
    scopes: () => running.scopes ?? [],
    upstreams: () => running.upstreams ?? [],
    config: () => ({}),
  };
  const clock = new FakeClock();
  const metrics = createMetrics({ clock, version: '1.2.3', inspection, droppedLines, memory });
  return {
    clock,
    metrics,
    scope: (name: string, route: string): ((event: KnownEvent) => void) =>
      metrics.scope(name, route),
    /** The samples of one family, without prefix, HELP and TYPE. */
    samples: async (family: string): Promise<string[]> => {
      const lines = (await readPage(metrics.exposition())).split('\n');
      const pattern = new RegExp(`^breakwater_${family}(_bucket|_sum|_count)?[{ ]`);
      return lines
        .filter((line) => pattern.test(line))
        .map((line) => line.slice('breakwater_'.length));
    },
  };
}

function finish(emit: Emit, summary: Partial<ExchangeSummary>): void {
  emit({
    type: 'exchange-finished',
    summary: {
      method: 'GET',
      path: '/',
      status: 200,
      reason: '',
      durationMs: 1,
      waitedMs: 0,
      upstreamMs: 0,
      deadlineLeftMs: undefined,
      grpcCode: undefined,
      results: [],
      endpoints: [],
      interventions: [],
      upstreamStatus: 200,
      client: '10.1.2.3',
      bytesIn: 0,
      bytesOut: 0,
      attempts: 1,
      requestId: 'r',
      trace: undefined,
      shadow: [],
      substitution: undefined,
      error: undefined,
      ...summary,
    },
  });
}

function circuitIn(state: () => CircuitStateName, route = ''): InspectableScope {
  const circuit = { snapshot: () => ({ state: state() }) };
  return fakeScope('catalog', route, { circuitBreaker: fakeLayer({ circuit }) });
}

const upstream: InspectableUpstream = {
  name: 'catalog',
  target: 'http://catalog.internal',
  tunnels: 0,
  endpoints: { list: () => [], drain: () => undefined, undrain: () => undefined },
  lastError: undefined,
};

t.test('counts exchanges by status class and reason', async (t) => {
  const { metrics, samples } = build();
  const emit = metrics.scope('catalog', 'search');
  finish(emit, { status: 200 });
  finish(emit, { status: 204 });
  finish(emit, { status: 101 });
  finish(emit, { status: 302 });
  finish(emit, { status: 404 });
  finish(emit, { status: 500 });
  finish(emit, { status: 502, reason: 'upstream-reset' });
  finish(emit, { status: 499, error: new ClientGoneError(499, 'gone') });
  t.same(await samples('requests_total'), [
    'requests_total{upstream="catalog",route="search",status="2xx",reason=""} 3',
    'requests_total{upstream="catalog",route="search",status="3xx",reason=""} 1',
    'requests_total{upstream="catalog",route="search",status="4xx",reason=""} 1',
    'requests_total{upstream="catalog",route="search",status="5xx",reason=""} 1',
    'requests_total{upstream="catalog",route="search",status="5xx",reason="upstream-reset"} 1',
    'requests_total{upstream="catalog",route="search",status="499",reason=""} 1',
  ]);
});

t.test(
  'counts a call as rejected only if it was never tried and the response is ours',
  async (t) => {
    const { metrics, samples } = build();
    const emit = metrics.scope('catalog', '');
    const error = new CallError(reasons['circuit-open'], 'Cannot');
    finish(emit, { status: 503, reason: 'circuit-open', attempts: 0, error });
    finish(emit, { status: 504, reason: 'deadline-expired', attempts: 0 });
    finish(emit, { status: 504, reason: 'deadline-expired', attempts: 1 });
    finish(emit, { status: 499, attempts: 0 });
    finish(metrics.scope('', ''), { status: 404, reason: 'no-route', attempts: 0 });
    t.same(await samples('rejections_total'), [
      'rejections_total{upstream="catalog",reason="bulkhead-full"} 0',
      'rejections_total{upstream="catalog",reason="bulkhead-timeout"} 0',
      'rejections_total{upstream="catalog",reason="circuit-open"} 1',
      'rejections_total{upstream="catalog",reason="deadline-expired"} 1',
      'rejections_total{upstream="",reason="no-route"} 1',
    ]);
  },
);

t.test('counts gRPC calls by their status, and no others', async (t) => {
  const { metrics, samples } = build();
  const emit = metrics.scope('catalog', 'search');
  finish(emit, { grpcCode: 'OK' });
  finish(emit, { grpcCode: 'UNAVAILABLE', reason: 'circuit-open' });
  finish(emit, { grpcCode: 'OK' });
  finish(emit, {});
  t.same(await samples('grpc_requests_total'), [
    'grpc_requests_total{upstream="catalog",route="search",code="OK"} 2',
    'grpc_requests_total{upstream="catalog",route="search",code="UNAVAILABLE"} 1',
  ]);
});

t.test('sums durations into cumulative buckets, a bound included', async (t) => {
  const { metrics, samples } = build();
  const emit = metrics.scope('catalog', 'search');
  for (const durationMs of [0.5, 1, 1.5, 250, 70_000]) finish(emit, { durationMs });
  const lines = await samples('request_duration_seconds');
  const scope = 'upstream="catalog",route="search"';
  t.equal(lines.length, 15 + 1 + 2);
  t.match(lines, [
    `request_duration_seconds_bucket{le="0.001",${scope}} 2`,
    `request_duration_seconds_bucket{le="0.0025",${scope}} 3`,
  ]);
  t.ok(lines.includes(`request_duration_seconds_bucket{le="0.1",${scope}} 3`));
  t.ok(lines.includes(`request_duration_seconds_bucket{le="0.25",${scope}} 4`));
  t.same(lines.slice(-4), [
    `request_duration_seconds_bucket{le="60",${scope}} 4`,
    `request_duration_seconds_bucket{le="+Inf",${scope}} 5`,
    `request_duration_seconds_sum{${scope}} 70.253`,
    `request_duration_seconds_count{${scope}} 5`,
  ]);
});

t.test('observes the wait of admitted calls in seconds', async (t) => {
  const { scope, samples } = build();
  const emit = scope('catalog', '');
  emit({ type: 'bulkhead-admitted', waitedMs: 0, call: undefined });
  emit({ type: 'bulkhead-admitted', waitedMs: 300, call: undefined });
  const lines = await samples('bulkhead_wait_seconds');
  const labels = 'upstream="catalog",route=""';
  t.ok(lines.includes(`bulkhead_wait_seconds_bucket{le="0.25",${labels}} 1`));
  t.ok(lines.includes(`bulkhead_wait_seconds_bucket{le="0.5",${labels}} 2`));
  t.ok(lines.includes(`bulkhead_wait_seconds_sum{${labels}} 0.3`));
});

t.test('has no histogram for a scope without observations', async (t) => {
  const { metrics, samples } = build();
  metrics.scope('catalog', '');
  t.same(await samples('request_duration_seconds'), []);
  t.same(await samples('bulkhead_wait_seconds'), []);
});

t.test('counts attempts and retries of all routes for their upstream', async (t) => {
  const { scope, samples } = build();
  const own = scope('catalog', '');
  const route = scope('catalog', 'search');
  own(attemptFinished('success'));
  route(attemptFinished('success'));
  route(attemptFinished('timeout'));
  route({ type: 'retry-started', cause: 'timeout', delayMs: 100, call: undefined });
  own({ type: 'retry-denied', cause: 'retry-after', call: undefined });
  t.same(await samples('attempts_total'), [
    'attempts_total{upstream="catalog",outcome="success"} 2',
    'attempts_total{upstream="catalog",outcome="failure"} 0',
    'attempts_total{upstream="catalog",outcome="timeout"} 1',
    'attempts_total{upstream="catalog",outcome="unsent"} 0',
    'attempts_total{upstream="catalog",outcome="reset"} 0',
    'attempts_total{upstream="catalog",outcome="cancelled"} 0',
  ]);
  t.same(await samples('retries_total'), [
    'retries_total{upstream="catalog",cause="unsent"} 0',
    'retries_total{upstream="catalog",cause="stale"} 0',
    'retries_total{upstream="catalog",cause="reset"} 0',
    'retries_total{upstream="catalog",cause="timeout"} 1',
    'retries_total{upstream="catalog",cause="status"} 0',
  ]);
  t.same(await samples('retries_denied_total'), [
    'retries_denied_total{upstream="catalog",cause="budget"} 0',
    'retries_denied_total{upstream="catalog",cause="deadline"} 0',
    'retries_denied_total{upstream="catalog",cause="body"} 0',
    'retries_denied_total{upstream="catalog",cause="method"} 0',
    'retries_denied_total{upstream="catalog",cause="circuit"} 0',
    'retries_denied_total{upstream="catalog",cause="retry-after"} 1',
    'retries_denied_total{upstream="catalog",cause="waiting"} 0',
  ]);
});

t.test('shows nothing for no upstream until something happens there', async (t) => {
  const { metrics } = build();
  metrics.scope('', '');
  t.notMatch(await readPage(metrics.exposition()), /upstream=""/);
});

t.test('counts what happens to endpoints, from 0', async (t) => {
  const { scope, samples } = build();
  const emit = scope('catalog', '');
  const families = ['ejections', 'health_checks', 'resolutions', 'panics'];
  const all = async () => {
    const lines = await Promise.all(families.map((family) => samples(`${family}_total`)));
    return lines.flat().map((line) => line.replace('upstream="catalog"', ''));
  };
  t.same(await all(), [
    'ejections_total{,cause="failures"} 0',
    'health_checks_total{,result="success"} 0',
    'health_checks_total{,result="failure"} 0',
    'resolutions_total{,result="success"} 0',
    'resolutions_total{,result="failure"} 0',
    'resolutions_total{,result="unchanged"} 0',
    'panics_total{} 0',
  ]);
  emit({ type: 'endpoint-ejected', address: 'a', failures: 5, forMs: 1 });
  emit({ type: 'health-checked', result: 'success' });
  emit({ type: 'health-checked', result: 'failure' });
  emit({ type: 'health-checked', result: 'failure' });
  const look = { type: 'name-resolved', name: 'a', addresses: [], error: undefined } as const;
  for (const isNews of [true, false]) emit({ ...look, result: 'failure', isNews });
  emit({ ...look, result: 'unchanged', isNews: true });
  for (const isNews of [true, false]) emit({ type: 'endpoints-panicked', isNews });
  t.same(
    (await all()).map((line) => line.split(' ')[1]),
    ['1', '1', '2', '0', '2', '1', '2'],
  );
});

t.test('goes on counting when a scope is made again', async (t) => {
  const { metrics, samples } = build();
  finish(metrics.scope('catalog', ''), { durationMs: 1 });
  finish(metrics.scope('catalog', ''), { durationMs: 1 });
  t.same(await samples('requests_total'), [
    'requests_total{upstream="catalog",route="",status="2xx",reason=""} 2',
  ]);
  t.match((await samples('request_duration_seconds')).at(-1), /_count\{.*\} 2$/);
});

const circuitStateLines = (one: CircuitStateName) =>
  ['closed', 'open', 'half-open', 'forced-open', 'forced-closed'].map(
    (name) =>
      `circuit_state{upstream="catalog",route="search",state="${name}"} ${name === one ? 1 : 0}`,
  );

t.test('shows 1 for the state of a circuit and 0 for all others, as it is now', async (t) => {
  let state: CircuitStateName = 'closed';
  const { samples } = build({ scopes: [circuitIn(() => state, 'search')] });
  t.same(await samples('circuit_state'), circuitStateLines('closed'));
  state = 'half-open';
  t.same(await samples('circuit_state'), circuitStateLines('half-open'));
  state = 'forced-open';
  t.same(await samples('circuit_state'), circuitStateLines('forced-open'));
});

const openings = (count: number) =>
  `circuit_transitions_total{upstream="catalog",route="",from="closed",to="open"} ${count}`;

t.test("counts a circuit's moves, the first opening from 0", async (t) => {
  const { scope, samples } = build({ scopes: [circuitIn(() => 'closed')] });
  const emit = scope('catalog', '');
  t.same(await samples('circuit_transitions_total'), [openings(0)]);
  const move = {
    type: 'circuit-moved',
    rule: 'failureRate',
    observed: 0.5,
    threshold: 0.5,
  } as const;
  emit({ ...move, from: 'closed', to: 'open' });
  emit({ ...move, from: 'open', to: 'half-open' });
  t.same(await samples('circuit_transitions_total'), [
    openings(1),
    'circuit_transitions_total{upstream="catalog",route="",from="open",to="half-open"} 1',
  ]);
});

t.test('counts a move that the scrape itself brought about', async (t) => {
  const scopes: InspectableScope[] = [];
  const { scope, samples } = build({ scopes });
  const emit = scope('catalog', '');
  let state: CircuitStateName = 'open';
  scopes.push(
    circuitIn(() => {
      if (state === 'half-open') return state;
      state = 'half-open';
      const limits = { rule: 'recoveryTimeout', observed: 1, threshold: 1 } as const;
      emit({ type: 'circuit-moved', from: 'open', to: 'half-open', ...limits });
      return state;
    }),
  );
  t.ok(
    (await samples('circuit_transitions_total')).includes(
      'circuit_transitions_total{upstream="catalog",route="",from="open",to="half-open"} 1',
    ),
  );
});

t.test('reads bulkheads and upstreams at each scrape', async (t) => {
  const bulkhead = { active: 3, queued: 2, limit: 10, streams: 5 };
  const { samples } = build({
    scopes: [
      fakeScope('catalog', '', {
        bulkhead: fakeLayer({ bulkhead }),
        retry: fakeLayer({ budget: { remaining: () => 30 } }),
        timeout: fakeLayer({ attemptMs: 1500 }),
      }),
    ],
    upstreams: [{ ...upstream, tunnels: 4 }],
  });
  t.same(await samples('bulkhead_active'), ['bulkhead_active{upstream="catalog",route=""} 3']);
  t.same(await samples('bulkhead_queued'), ['bulkhead_queued{upstream="catalog",route=""} 2']);
  t.same(await samples('bulkhead_limit'), ['bulkhead_limit{upstream="catalog",route=""} 10']);
  t.same(await samples('streams'), ['streams{upstream="catalog",route=""} 5']);
  bulkhead.active = 0;
  t.same(await samples('bulkhead_active'), ['bulkhead_active{upstream="catalog",route=""} 0']);
  t.same(await samples('retry_budget_remaining'), [
    'retry_budget_remaining{upstream="catalog"} 30',
  ]);
  t.same(await samples('attempt_timeout_seconds'), [
    'attempt_timeout_seconds{upstream="catalog"} 1.5',
  ]);
  t.same(await samples('tunnels'), ['tunnels{upstream="catalog"} 4']);
});

t.test('has no sample for what an upstream does not have', async (t) => {
  const { samples } = build({
    scopes: [fakeScope('catalog', '', { retry: fakeLayer({ budget: undefined }) })],
    upstreams: [upstream],
  });
  for (const family of [
    'retry_budget_remaining',
    'attempt_timeout_seconds',
    'circuit_state',
    'circuit_transitions_total',
    'bulkhead_active',
  ]) {
    t.same(await samples(family), [], family);
  }
});

t.test('shows HELP and TYPE of every family before its first sample', async (t) => {
  const page = await readPage(build().metrics.exposition());
  const types = {
    requests_total: 'counter',
    request_duration_seconds: 'histogram',
    attempts_total: 'counter',
    retries_total: 'counter',
    retries_denied_total: 'counter',
    retry_budget_remaining: 'gauge',
    circuit_state: 'gauge',
    circuit_transitions_total: 'counter',
    bulkhead_active: 'gauge',
    bulkhead_queued: 'gauge',
    bulkhead_limit: 'gauge',
    streams: 'gauge',
    bulkhead_wait_seconds: 'histogram',
    rejections_total: 'counter',
    attempt_timeout_seconds: 'gauge',
    tunnels: 'gauge',
    build_info: 'gauge',
  };
  for (const [name, type] of Object.entries(types)) {
    t.match(
      page,
      new RegExp(`^# HELP breakwater_${name} .+\n# TYPE breakwater_${name} ${type}$`, 'm'),
    );
  }
});

t.test('names its version and describes the process', async (t) => {
  const { metrics, samples } = build();
  metrics.noteConfig('0123456789ab');
  t.same(await samples('build_info'), ['build_info{version="1.2.3",config="0123456789ab"} 1']);
  t.match(await readPage(metrics.exposition()), /^process_resident_memory_bytes \d+/m);
  t.equal(metrics.contentTypeFor(undefined), 'text/plain; version=0.0.4; charset=utf-8');
});

t.test('names the configuration that is in force, and no other', async (t) => {
  const { metrics, samples } = build();
  metrics.noteConfig('aaaaaaaaaaaa');
  metrics.noteConfig('bbbbbbbbbbbb');
  t.same(await samples('build_info'), ['build_info{version="1.2.3",config="bbbbbbbbbbbb"} 1']);
});

t.test('observes how long each attempt of an upstream took, by its outcome', async (t) => {
  const { scope, samples } = build();
  scope('catalog', '')(attemptFinished('success', { headersMs: 20 }));
  scope('catalog', 'search')(attemptFinished('success', { headersMs: 30 }));
  scope('catalog', 'search')(attemptFinished('timeout', { headersMs: 10_000 }));
  const lines = await samples('attempt_duration_seconds');
  const success = 'upstream="catalog",outcome="success"';
  const timeout = 'upstream="catalog",outcome="timeout"';
  t.ok(lines.includes(`attempt_duration_seconds_bucket{le="0.025",${success}} 1`));
  t.ok(lines.includes(`attempt_duration_seconds_bucket{le="0.05",${success}} 2`));
  t.ok(lines.includes(`attempt_duration_seconds_sum{${success}} 0.05`));
  t.ok(lines.includes(`attempt_duration_seconds_count{${timeout}} 1`));
  t.equal(lines.length, 2 * 18, 'and of no other outcome');
});

t.test('OpenMetrics', async (t) => {
  const ACCEPT = 'application/openmetrics-text; version=1.0.0';
  const trace = { id: '0af7651916cd43dd8448eb211c80319c', isSampled: true };
  const other = { id: '4bf92f3577b34da6a3ce929d0e0e4736', isSampled: true };

  async function exemplarsOf({ metrics }: ReturnType<typeof build>, family: string) {
    const page = await readPage(metrics.exposition(ACCEPT));
    return readOpenMetrics(page)
      .get(`breakwater_${family}`)!
      .samples.flatMap(({ labels, exemplar }) =>
        exemplar === '' ? [] : [`${/le="([^"]+)"/.exec(labels)![1]!}${exemplar}`],
      );
  }

  t.test('has the same samples as the text format, under heads of its own', async (t) => {
    const { metrics, scope } = build({ scopes: [circuitIn(() => 'open')], upstreams: [upstream] });
    metrics.noteConfig('0123456789ab');
    metrics.countRefusal(400);
    metrics.countRefusedToken('wrong');
    finish(metrics.scope('catalog', ''), { trace });
    scope('catalog', '')(attemptFinished('success', { trace }));
    t.equal(
      metrics.contentTypeFor(ACCEPT),
      'application/openmetrics-text; version=1.0.0; charset=utf-8',
    );
    const text = await readPage(metrics.exposition());
    const families = readOpenMetrics(await readPage(metrics.exposition(ACCEPT)));
    const samples = [...families.values()].flatMap((family) =>
      family.samples.map(({ name, labels }) => `${name}{${labels}}`),
    );
    const inText = text
      .split('\n')
      .filter((line) => /^\w/.test(line))
      .map((line) => line.replace(/ \S+$/, '').replace(/^\w+$/, '$&{}'));
    t.same(
      samples.filter((name) => name.startsWith('breakwater_')),
      inText.filter((name) => name.startsWith('breakwater_')),
    );
    t.equal(new Set(samples).size, samples.length, 'each once');
    t.match(families.get('breakwater_requests'), { type: 'counter', unit: '' });
    t.match(families.get('process_cpu_seconds'), { type: 'counter', unit: 'seconds' });
    t.match(families.get('process_resident_memory_bytes'), { type: 'gauge', unit: 'bytes' });
    t.match(families.get('breakwater_attempt_duration_seconds'), { type: 'histogram' });
    t.notMatch(text, / # \{/, 'the text format has no exemplars');
  });

  t.test('shows a trace with the histograms of exchanges and attempts', async (t) => {
    const built = build();
    await built.clock.advance(500);
    finish(built.metrics.scope('catalog', ''), { durationMs: 70, trace });
    built.scope('catalog', '')(attemptFinished('success', { headersMs: 30, trace }));
    const seconds = (built.clock.wallNow() / 1000).toFixed(3);
    const end = (value: number) => ` # {trace_id="${trace.id}"} ${value} ${seconds}`;
    t.same(await exemplarsOf(built, 'request_duration_seconds'), [`0.1${end(0.07)}`]);
    t.same(await exemplarsOf(built, 'attempt_duration_seconds'), [`0.05${end(0.03)}`]);
  });

  t.test('shows the first trace of each bucket since the page before', async (t) => {
    const built = build();
    const emit = built.scope('catalog', '');
    emit(attemptFinished('success', { headersMs: 3, trace }));
    emit(attemptFinished('success', { headersMs: 4, trace: other }));
    emit(attemptFinished('success', { headersMs: 99_000, trace: other }));
    const before = await exemplarsOf(built, 'attempt_duration_seconds');
    t.match(before, [new RegExp(`^0.005.*${trace.id}`), new RegExp(`^\\+Inf.*${other.id}`)]);
    t.same(
      await exemplarsOf(built, 'attempt_duration_seconds'),
      before,
      'it stays without another',
    );
    emit(attemptFinished('success', { headersMs: 4, trace: other }));
    t.match(await exemplarsOf(built, 'attempt_duration_seconds'), [
      new RegExp(`^0.005.*${other.id}`),
      new RegExp(`^\\+Inf.*${other.id}`),
    ]);
  });

  t.test('shows no trace that is not recorded', async (t) => {
    const built = build();
    finish(built.metrics.scope('catalog', ''), { trace: { ...trace, isSampled: false } });
    t.same(await exemplarsOf(built, 'request_duration_seconds'), []);
  });
});

t.test('shows how far the memory is from the limit, while that is watched', async (t) => {
  let use: { used: number; limit: number } | undefined = { used: 0.5, limit: 0.85 };
  const { samples } = build(
    {},
    () => 0,
    () => use,
  );
  t.same(await samples('memory_used_ratio'), ['memory_used_ratio 0.5']);
  t.same(await samples('memory_shed_ratio'), ['memory_shed_ratio 0.85']);
  use = undefined;
  t.same(await samples('memory_used_ratio'), []);
});

t.test('has no gauge under the name of a counter', async (t) => {
  const { metrics } = build();
  const page = await readPage(metrics.exposition());
  t.match(page, /^# TYPE nodejs_active_handles gauge$/m);
  t.notMatch(page, /^# TYPE \w+_total (?!counter)/m);
});

t.test('escapes names', async (t) => {
  const { metrics, samples } = build();
  finish(metrics.scope('a"b\\c\nd', ''), {});
  t.same(await samples('requests_total'), [
    'requests_total{upstream="a\\"b\\\\c\\nd",route="",status="2xx",reason=""} 1',
  ]);
});

t.test('keeps two instances apart', async (t) => {
  const first = build();
  const second = build();
  finish(first.metrics.scope('catalog', ''), {});
  t.equal((await first.samples('requests_total')).length, 1);
  t.same(await second.samples('requests_total'), []);
});

t.test('stays short where most of a large configuration is idle', async (t) => {
  const { metrics } = build();
  for (let i = 0; i < 1000; i++) {
    for (let j = 0; j <= 10; j++) metrics.scope(`upstream-${i}`, j === 0 ? '' : `route-${j}`);
  }
  t.ok((await readPage(metrics.exposition())).length < 2_500_000);
});

/** Counts the turns of the event loop from now on. */
function countTurns(t: Test): () => number {
  let turns = 0;
  const turn = (): void => {
    turns += 1;
    next = setImmediate(turn);
  };
  let next = setImmediate(turn);
  t.teardown(() => clearImmediate(next));
  return () => turns;
}

t.test('lets others have their turn between the pieces of a long page', async (t) => {
  const { metrics } = build();
  for (let i = 0; i < 1000; i++) finish(metrics.scope(`upstream-${i}`, ''), {});
  const turns = countTurns(t);
  let length = 0;
  let longest = 0;
  for await (const piece of metrics.exposition()) {
    length += piece.length;
    longest = Math.max(longest, piece.length);
  }
  t.ok(turns() >= length / 200_000, `${turns()} turns for ${length} characters`);
  t.ok(longest < 100_000, `a piece of ${longest} characters`);
});

t.test('lets others have their turn between metrics of the process that take long', async (t) => {
  const { metrics } = build();
  const turns = countTurns(t);
  const readIn: number[] = [];
  // They take as long as that with many sockets open.
  const slow = () => {
    readIn.push(turns());
    const endMs = performance.now() + 2;
    while (performance.now() < endMs);
    return [];
  };
  const names = ['getActiveResourcesInfo', '_getActiveHandles'] as const;
  const held = process as unknown as Record<(typeof names)[number], () => unknown[]>;
  const before = Object.fromEntries(names.map((name) => [name, held[name]]));
  t.teardown(() => Object.assign(process, before));
  for (const name of names) held[name] = slow;
  t.match(await readPage(metrics.exposition()), /^# TYPE nodejs_active_resources gauge$/m);
  t.equal(readIn.length, 2);
  t.not(readIn[0], readIn[1]);
});

t.test('counts the lines that the log had to leave out', async (t) => {
  const { metrics } = build({}, () => 7);
  t.match(await readPage(metrics.exposition()), /^breakwater_log_lines_dropped_total 7$/m);
});
