import t from 'tap';
import { CallError, ClientGoneError } from '../../src/core/errors.js';
import type { Emit, ExchangeSummary } from '../../src/core/events.js';
import { fault } from '../../src/policies/fault/index.js';
import { policies } from '../../src/policies/index.js';
import { createRow } from '../../src/telemetry/stream/rows.js';
import { describeUpstream } from '../../src/telemetry/stream/detail.js';
import { SLOT_MS } from '../../src/telemetry/stream/ring.js';
import { Trends } from '../../src/telemetry/stream/trends.js';
import type { InspectableUpstream, Inspection } from '../../src/core/inspect.js';
import { fakeContext } from '../support/fake-call.js';
import { FAKE_WALL_START_MS, FakeClock } from '../support/fake-clock.js';
import { fakeLayer, fakeScope } from '../support/fake-layers.js';
import { settingsOf } from '../support/settings.js';

const ok: ExchangeSummary = {
  method: 'GET',
  path: '/x',
  status: 200,
  grpcCode: undefined,
  reason: '',
  durationMs: 20,
  waitedMs: 0,
  upstreamMs: 15,
  deadlineLeftMs: undefined,
  attempts: 1,
  results: ['success'],
  endpoints: ['127.0.0.1:1'],
  interventions: [],
  requestId: 'caller-chose-this',
  shadow: [],
  substitution: undefined,
  trace: undefined,
  upstreamStatus: 200,
  client: '127.0.0.1',
  bytesIn: 0,
  bytesOut: 2,
  error: undefined,
};

const refused: Partial<ExchangeSummary> = {
  status: 503,
  reason: 'circuit-open',
  attempts: 0,
  results: [],
  endpoints: [],
};

const finish = (emit: Emit, changes: Partial<ExchangeSummary> = {}) =>
  emit({ type: 'exchange-finished', summary: { ...ok, ...changes } });

interface Shown {
  readonly state?: string;
  readonly endpoints?: readonly string[];
  /** Of each endpoint, until it is back. */
  readonly backInMs?: number;
  readonly bulkhead?: { active: number; queued: number; limit: number; streams: number };
  readonly lastError?: InspectableUpstream['lastError'];
  /** Undefined: of the file. */
  readonly faultEndsAtMs?: number | undefined;
}

function build() {
  const clock = new FakeClock();
  const trends = new Trends({ clock, policies });
  t.teardown(() => trends.close());
  const input = (shown: Shown) => {
    const {
      state = 'closed',
      endpoints = ['available'],
      backInMs = 0,
      bulkhead,
      lastError,
      faultEndsAtMs,
    } = shown;
    const aborting = settingsOf('fault', { abort: { share: 0.1, status: 503 } });
    const injected = fault.create(
      { fault: aborting },
      fakeContext(clock, { endsAtMs: faultEndsAtMs }),
    );
    const circuit = {
      snapshot: () => ({
        state,
        consecutiveFailures: 5,
        failureRate: 0.5,
        sinceWallMs: clock.wallNow(),
        endsInMs: ['open', 'forced-open', 'forced-closed'].includes(state) ? 9000 : 0,
      }),
      force: () => {},
    };
    const layers = {
      circuitBreaker: fakeLayer({ circuit }),
      ...('faultEndsAtMs' in shown ? { fault: injected } : {}),
      ...(bulkhead === undefined ? {} : { bulkhead: fakeLayer({ bulkhead }) }),
    };
    const upstream: InspectableUpstream = {
      name: 'catalog',
      target: 'http://catalog:80',
      tunnels: 0,
      lastError,
      endpoints: {
        list: () =>
          endpoints.map((each, i) => ({
            address: `10.0.0.${i}:80`,
            target: 'http://catalog:80',
            weight: 1,
            state: each as 'available',
            active: 0,
            consecutiveFailures: 0,
            backInMs: each === 'available' ? 0 : backInMs,
          })),
        drain: () => undefined,
        undrain: () => undefined,
      },
    };
    const scopes = [fakeScope('catalog', '', layers)];
    const inspection: Inspection = {
      policies,
      isReady: () => true,
      scopes: () => scopes,
      upstreams: () => [upstream],
      config: () => ({}),
    };
    return {
      inspection,
      upstream,
      scopes,
      record: trends.of('catalog'),
      slot: trends.slot,
      share: trends.share,
      wallMs: clock.wallNow(),
    };
  };
  return {
    clock,
    trends,
    emit: trends.scope('catalog', ''),
    row: (shown: Shown = {}) => createRow(input(shown)),
    detail: () => JSON.parse(JSON.stringify(describeUpstream(input({})))),
  };
}

t.test('rates, shares and percentiles are of the last 15 seconds', async (t) => {
  const { clock, emit, row } = build();
  for (let i = 0; i < 60; i++) {
    finish(emit);
    emit({ type: 'attempt-finished', result: 'success', error: undefined, headersMs: 20 });
  }
  for (let i = 0; i < 30; i++) finish(emit, { status: 502, reason: 'connect-failed' });
  finish(emit, { status: 499, error: new ClientGoneError(499, 'The client left') });
  emit({ type: 'attempt-finished', result: 'unsent', error: undefined, headersMs: 60_000 });
  await clock.advance(SLOT_MS);
  const now = row();
  t.match(now, { callsPerSecond: 6, goodShare: 0.6667, failedShare: 0.3333, leftPerSecond: 0.07 });
  t.equal(now.attemptsPerCall, 0.68);
  t.ok(now.latencyMs!.p99 <= 25, 'an attempt that was never sent has no latency');
  await clock.advance(SLOT_MS / 2);
  t.equal(row().callsPerSecond, 3);
  await clock.advance(2 * SLOT_MS);
  t.match(row(), { callsPerSecond: 0, goodShare: null, latencyMs: null });
  t.equal(row().trouble.state, 'idle');
});

t.test('what callers did wrong is no failure, too many calls are', async (t) => {
  const { emit, row } = build();
  finish(emit, { status: 404 });
  finish(emit, { ...refused, status: 400, reason: 'invalid-deadline' });
  finish(emit, { ...refused, status: 409, reason: 'idempotency-in-progress' });
  t.match(row(), { goodShare: 1, refusedShare: 0 });
  finish(emit, { ...refused, status: 429, reason: 'rate-limited' });
  t.match(row(), { goodShare: 0.75, refusedShare: 0.25, failedShare: 0 });
});

t.test('a cut response is a failure, and a fallback is neither good nor a failure', async (t) => {
  const { emit, row } = build();
  finish(emit, { error: new CallError('upstream-reset', 'Cannot go on') });
  const substitution = { source: 'static', reason: 'circuit-open', cause: 'it is open' } as const;
  finish(emit, { substitution, reason: 'circuit-open' });
  t.match(row(), { goodShare: 0, failedShare: 0.5, degradedShare: 0.5 });
});

t.test('an open circuit says since when, why, what callers get and when that ends', async (t) => {
  const { clock, emit, row, detail } = build();
  const move = (from: string, to: string, rule: string, observed: number, threshold: number) =>
    emit({ type: 'circuit-moved', from, to, rule, observed, threshold } as never);
  finish(emit);
  move('closed', 'open', 'failureThreshold', 5, 5);
  const openedAt = new Date(clock.wallNow()).toISOString();
  await clock.advance(1000);
  move('open', 'half-open', 'recoveryTimeout', 1000, 1000);
  move('half-open', 'open', 'probeFailure', 1, 1);
  for (let i = 0; i < 9; i++) finish(emit, refused);
  const { trouble } = row({ state: 'open' });
  t.match(trouble, {
    state: 'open',
    since: openedAt,
    why: 'The circuit is open, so calls are refused: 5 failures in a row reached failureThreshold 5; then a probe failed.',
    callersGet:
      'In the last 15 s, 10% got a good response, 90% a refusal; the last that was not good was 503 circuit-open.',
    endsWhen: /probes; if they succeed/,
    until: new Date(clock.wallNow() + 9000).toISOString(),
  });
  t.ok(trouble.weight > 90);
  t.match(detail().transitions, [
    { fields: { from: 'half-open', to: 'open', rule: 'probeFailure' } },
    { fields: { from: 'open', to: 'half-open', rule: 'recoveryTimeout', observed: 1000 } },
    { fields: { from: 'closed', to: 'open', rule: 'failureThreshold', observed: 5, threshold: 5 } },
  ]);
});

t.test('a long outage is told from its beginning, however many probes have failed', async (t) => {
  const { clock, emit, row } = build();
  const move = (from: string, to: string, rule: string) =>
    emit({ type: 'circuit-moved', from, to, rule, observed: 5, threshold: 5 } as never);
  move('closed', 'open', 'failureThreshold');
  await clock.advance(60_000);
  move('half-open', 'closed', 'successThreshold');
  const openedAt = new Date(clock.wallNow()).toISOString();
  move('closed', 'open', 'failureThreshold');
  for (let i = 0; i < 30; i++) {
    await clock.advance(1000);
    move('open', 'half-open', 'recoveryTimeout');
    move('half-open', 'open', 'probeFailure');
  }
  t.match(row({ state: 'open' }).trouble, {
    since: openedAt,
    why: 'The circuit is open, so calls are refused: 5 failures in a row reached failureThreshold 5; then a probe failed.',
  });
});

t.test('an override is told by itself: nothing of what was before it', async (t) => {
  const { clock, emit, row } = build();
  const opened = {
    from: 'closed',
    to: 'open',
    rule: 'failureThreshold',
    observed: 5,
    threshold: 5,
  };
  emit({ type: 'circuit-moved', ...opened } as never);
  await clock.advance(60_000);
  const lastError = { message: 'Cannot connect', atWallMs: 5 };
  const until = new Date(clock.wallNow() + 9000).toISOString();
  const since = new Date(clock.wallNow()).toISOString();
  t.match(row({ state: 'forced-open', lastError }).trouble, {
    state: 'forced-open',
    since,
    why: /^The circuit is forced open by an operator, so calls are refused\.$/,
    until,
  });
  t.match(row({ state: 'forced-closed' }).trouble, { state: 'forced-closed', since, until });
});

t.test(
  'without an endpoint no probe can be sent, and it says which are out since when',
  async (t) => {
    const { clock, emit, row } = build();
    const out = { failures: 5, forMs: 600_000 };
    emit({ type: 'endpoint-ejected', address: '10.0.0.0:80', ...out } as never);
    await clock.advance(5000);
    emit({ type: 'endpoint-drained', address: '10.0.0.1:80', ...out } as never);
    const since = new Date(clock.wallNow()).toISOString();
    await clock.advance(5000);
    const until = new Date(clock.wallNow() + 9000).toISOString();
    const endpoints = ['ejected', 'drained'];
    for (const state of ['closed', 'half-open']) {
      t.match(row({ state, endpoints, backInMs: 9000 }).trouble, {
        state: 'no-endpoint',
        since,
        why: 'None of its 2 endpoints is available: 1 ejected, 1 drained.',
        until,
      });
    }
    t.match(row({ state: 'open', endpoints }).trouble, {
      state: 'open',
      why: /The circuit is open, so calls are refused\. None of its 2 endpoints is available: 1 ejected, 1 drained\.$/,
    });
    t.match(row({ endpoints: ['available', 'drained'], backInMs: 9000 }).trouble, {
      state: 'endpoints-out',
      until,
    });
  },
);

t.test('troubles have an order', async (t) => {
  const { emit, row } = build();
  const weights = [row({ state: 'closed' }).trouble.weight];
  for (let i = 0; i < 5; i++) finish(emit);
  weights.push(row({ endpoints: ['available', 'ejected'] }).trouble.weight);
  const bulkhead = { active: 5, queued: 3, limit: 5, streams: 0 };
  const full = row({ bulkhead }).trouble;
  t.match(full, { state: 'full', why: '5 of 5 slots are taken and 3 calls wait.' });
  weights.push(full.weight);
  finish(emit, { status: 500 });
  const failing = row({ lastError: { message: 'Cannot connect', atWallMs: 5 } }).trouble;
  t.match(failing, { state: 'failing', why: '17% of the calls fail: Cannot connect.' });
  weights.push(failing.weight);
  weights.push(row({ state: 'half-open' }).trouble.weight);
  weights.push(row({ endpoints: ['ejected', 'unhealthy'] }).trouble.weight);
  weights.push(row({ state: 'open' }).trouble.weight);
  t.same(
    weights,
    weights.toSorted((a, b) => a - b),
    weights.join(),
  );
  t.equal(new Set(weights).size, weights.length);
});

t.test('failures since: the first one of the row of slots with failures', async (t) => {
  const { clock, emit, row } = build();
  finish(emit, { status: 500 });
  await clock.advance(2 * SLOT_MS + 7000);
  const begin = new Date(clock.wallNow()).toISOString();
  for (let i = 0; i < 3; i++) {
    finish(emit, { status: 500 });
    await clock.advance(SLOT_MS);
  }
  t.equal(row().trouble.since, begin);
});

t.test('failures since: a few among many before them do not count', async (t) => {
  const { clock, emit, row } = build();
  const slotOf = async (good: number, bad: number) => {
    for (let i = 0; i < good; i++) finish(emit);
    for (let i = 0; i < bad; i++) finish(emit, { status: 500 });
    await clock.advance(SLOT_MS);
  };
  for (let i = 0; i < 3; i++) await slotOf(200, 1);
  const begin = new Date(clock.wallNow()).toISOString();
  await slotOf(100, 20);
  await slotOf(100, 30);
  t.equal(row().trouble.since, begin, 'to the slot');
});

t.test('the last failed calls hold nothing of a query, header, body or key', async (t) => {
  const { clock, emit, detail } = build();
  const secret = 'keep-secret';
  const error = new CallError('deadline-expired', `Cannot read the X-Deadline "${secret}"`);
  Object.defineProperty(error, 'outcome', { value: undefined });
  finish(emit, { status: 504, reason: 'deadline-expired', requestId: secret, error });
  await clock.advance(1000);
  const reset = new CallError('upstream-reset', 'Cannot get a response because it hung up');
  finish(emit, { status: 502, reason: 'upstream-reset', path: '/a'.repeat(999), error: reset });
  const { failures } = detail();
  t.notMatch(JSON.stringify(failures), secret);
  t.match(failures, [
    { status: 502, path: '/a'.repeat(100), error: reset.message },
    { status: 504, reason: 'deadline-expired', error: 'Deadline expired', outcomes: ['success'] },
  ]);
});

t.test('refusals without end push no other failure out, and only 20 are kept', async (t) => {
  const { clock, emit, detail } = build();
  for (let i = 0; i < 30; i++) {
    finish(emit, { status: 500, path: `/${i}` });
    await clock.advance(200);
  }
  for (let i = 0; i < 1000; i++) {
    finish(emit, { ...refused, reason: i % 2 === 0 ? 'bulkhead-full' : 'bulkhead-timeout' });
  }
  const { failures, counts } = detail();
  t.equal(failures.length, 20);
  t.equal(failures.filter(({ status }: { status: number }) => status === 500).length, 18);
  t.match(counts, {
    calls: 1030,
    good: 0,
    notGood: [
      { result: 'refused', status: 503, reason: 'bulkhead-full', calls: 500 },
      { result: 'refused', status: 503, reason: 'bulkhead-timeout', calls: 500 },
      { result: 'failed', status: 500, reason: '', calls: 30 },
    ],
  });
});

t.test(
  'routes have counts of their own, and an upstream that a reload removes is forgotten',
  async (t) => {
    const { trends, emit, detail } = build();
    const route = trends.scope('catalog', 'search');
    finish(emit);
    finish(route, { status: 500 });
    t.match(detail().routes, [
      { route: 'search', calls: 1, failed: 1 },
      { route: '', calls: 1, failed: 0 },
    ]);
    trends.keepOnly(['catalog']);
    // A reload: the same sink, other listeners.
    finish(trends.scope('catalog', ''));
    t.equal(detail().counts.calls, 3);
    trends.keepOnly(['other']);
    t.equal(detail().counts.calls, 0);
  },
);

t.test('the last error is the newer one of a response and of none', async (t) => {
  const { clock, emit, row } = build();
  const lastError = { message: 'Cannot connect', atWallMs: clock.wallNow() };
  t.equal(row({ lastError }).lastError?.message, 'Cannot connect');
  await clock.advance(5);
  emit({ type: 'attempt-finished', result: 'failure', error: undefined, headersMs: 3 });
  t.equal(row({ lastError }).lastError?.message, 'The upstream responded with an error');
  t.equal(row().lastError?.at, new Date(clock.wallNow()).toISOString());
});

t.test('its clock leaves nothing behind', async (t) => {
  const { clock, trends } = build();
  t.equal(clock.pending, 1);
  trends.close();
  t.equal(clock.pending, 0);
});

t.test('faults are shown with their end, and as trouble where nothing is worse', async (t) => {
  const { emit, row } = build();
  const until = new Date(FAKE_WALL_START_MS + 600_000).toISOString();
  const summary = 'aborts 10% of the attempts with 503';
  t.same(row().faults, []);
  const { faults, trouble } = row({ faultEndsAtMs: 600_000 });
  t.same(faults, [{ route: '', summary, until }]);
  t.match(trouble, {
    state: 'fault-injected',
    weight: 15,
    why: 'A fault is set on purpose.',
    endsWhen: 'The fault ends, or somebody lifts it.',
    until,
  });
  const ofFile = row({ faultEndsAtMs: undefined });
  t.same(ofFile.faults, [{ route: '', summary, until: null }]);
  t.equal(ofFile.trouble.until, null);
  for (let i = 0; i < 10; i++) finish(emit, { status: 503 });
  t.equal(row({ faultEndsAtMs: 600_000 }).trouble.state, 'failing');
});
