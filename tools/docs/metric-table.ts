/** Tables of metrics, read from a page that has a sample of each. */
import type { Event, ExchangeSummary } from '../../src/core/events.js';
import type { Inspection } from '../../src/core/inspect.js';
import { createMetrics } from '../../src/telemetry/instruments/metrics.js';

/** A proxy with one upstream and no calls. */
const idle: Inspection = {
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

const exchange: ExchangeSummary = {
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

const events: readonly Event[] = [
  { type: 'exchange-finished', summary: exchange },
  { type: 'attempt-finished', result: 'success', error: undefined },
  { type: 'retry-started', cause: 'reset', delayMs: 1 },
  { type: 'retry-denied', cause: 'budget' },
  { type: 'fallback-used', source: 'cache' },
  { type: 'bulkhead-admitted', waitedMs: 1 },
  { type: 'idempotency-decided', result: 'stored' },
  {
    type: 'circuit-moved',
    from: 'closed',
    to: 'open',
    rule: 'failureThreshold',
    observed: 5,
    threshold: 5,
  },
];

export interface MetricFamily {
  readonly type: string;
  readonly labels: readonly string[];
  readonly help: string;
}

/** All metrics by name, without those that prom-client adds for the process. */
export async function metricFamilies(): Promise<Map<string, MetricFamily>> {
  const metrics = createMetrics({ version: '1', inspection: idle });
  metrics.noteConfig(1);
  const emit = metrics.scope('a', '');
  for (const event of events) emit(event);
  let page = '';
  for await (const piece of metrics.exposition()) page += piece;
  const found = new Map<string, MetricFamily>();
  for (const [, name, type] of page.matchAll(/^# TYPE (breakwater_\w+) (\w+)$/gm)) {
    const sample = new RegExp(`^${name}(?:_count)?\\{(.*)\\} `, 'm').exec(page)?.[1] ?? '';
    const labels = [...sample.matchAll(/(\w+)="/g)].map((match) => match[1]!);
    const help = new RegExp(`^# HELP ${name} (.*)$`, 'm').exec(page)?.[1] ?? '';
    found.set(name!, { type: type!, labels, help });
  }
  return found;
}

const code = (text: string) => `\`${text}\``;

/** @param names of the metrics to list, in this order; if there are none, all by name. */
export async function metricTable(names: readonly string[]): Promise<string> {
  const families = await metricFamilies();
  const rows = (names.length === 0 ? [...families.keys()].toSorted() : names).map((name) => {
    const family = families.get(name);
    if (family === undefined) throw new Error(`There is no metric "${name}"`);
    const { type, labels, help } = family;
    return `| ${code(name)} | ${type} | ${labels.map(code).join(', ') || 'none'} | ${help} |`;
  });
  return ['| Metric | Type | Labels | Meaning |', '|---|---|---|---|', ...rows].join('\n');
}
