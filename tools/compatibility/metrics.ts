/** The metrics as the page shows them once every kind of event has happened. */
import type { Event, ExchangeSummary } from '../../src/core/events.js';
import type { Inspection } from '../../src/core/inspect.js';
import { createMetrics } from '../../src/telemetry/instruments/metrics.js';
import type { Entries } from './snapshot.js';

const inspection: Inspection = {
  isReady: () => true,
  scopes: () => [
    {
      upstream: 'a',
      route: '',
      circuit: {
        snapshot: () => ({
          state: 'closed',
          consecutiveFailures: 0,
          failureRate: null,
          sinceWallMs: 0,
          retryAfterMs: 0,
        }),
        force: () => {},
      },
      bulkhead: { active: 0, queued: 0, limit: 1 },
    },
  ],
  upstreams: () => [
    {
      name: 'a',
      target: 'http://a',
      retryBudgetRemaining: 1,
      attemptTimeoutMs: 1000,
      tunnels: 0,
      lastError: undefined,
    },
  ],
  config: () => ({}),
};

const summary: ExchangeSummary = {
  method: 'GET',
  path: '/',
  status: 200,
  reason: '',
  durationMs: 1,
  waitedMs: 0,
  upstreamMs: 0,
  deadlineLeftMs: undefined,
  results: [],
  attempts: 1,
  requestId: 'r',
  traceId: undefined,
  substitution: undefined,
  error: undefined,
};

/** One of each kind: a new kind does not compile without one. */
const events: { readonly [Type in Event['type']]: Extract<Event, { readonly type: Type }> } = {
  'exchange-finished': { type: 'exchange-finished', summary },
  'attempt-finished': { type: 'attempt-finished', result: 'success', error: undefined },
  'retry-started': { type: 'retry-started', cause: 'reset', delayMs: 1 },
  'retry-denied': { type: 'retry-denied', cause: 'budget' },
  'fallback-used': { type: 'fallback-used', source: 'cache' },
  'bulkhead-admitted': { type: 'bulkhead-admitted', waitedMs: 1 },
  'idempotency-decided': { type: 'idempotency-decided', result: 'stored' },
  'circuit-moved': {
    type: 'circuit-moved',
    from: 'closed',
    to: 'open',
    rule: 'failureThreshold',
    observed: 5,
    threshold: 5,
  },
};

/** Our own metrics; those of the process depend on Node.js and the library. */
export async function listMetrics(): Promise<Entries> {
  const metrics = createMetrics({ version: '1', inspection });
  metrics.noteConfig(0);
  const emit = metrics.scope('a', '');
  for (const event of Object.values(events)) emit(event);
  let page = '';
  for await (const piece of metrics.exposition()) page += piece;

  const entries: Entries = {};
  for (const [, name, type] of page.matchAll(/^# TYPE (breakwater_\w+) (\w+)$/gm)) {
    const sample = new RegExp(`^${name}(?:_count)?(?:\\{(.*)\\})? `, 'm').exec(page);
    if (sample === null) {
      throw new Error(`Cannot list the labels of ${name} because no event of ours counts in it`);
    }
    const labels = [...(sample[1] ?? '').matchAll(/(\w+)="/g)].map((match) => match[1]!);
    entries[name!] = { type, labels };
  }
  return entries;
}
