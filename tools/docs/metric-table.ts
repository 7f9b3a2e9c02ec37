/** Tables of metrics, read from a page that has a sample of each. */
import type { ExchangeSummary } from '../../src/core/events.js';
import type { Inspection } from '../../src/core/inspect.js';
import type { CallLayer } from '../../src/core/pipeline.js';
import { policies } from '../../src/policies/index.js';
import { createMetrics } from '../../src/telemetry/instruments/metrics.js';
import { oneOfEach } from './sample-events.js';

/** The layer of a policy that is on, with state to be shown. */
const on = (state: object): CallLayer => ({ wrap: (next) => next, ...state });

/** A proxy with one upstream and no calls. */
const idle: Inspection = {
  policies,
  isReady: () => true,
  scopes: () => [
    {
      upstream: 'a',
      route: '',
      layers: {
        circuitBreaker: on({ circuit: { snapshot: () => ({ state: 'closed' }) } }),
        bulkhead: on({ bulkhead: { active: 0, queued: 0, limit: 1 } }),
        retry: on({ budget: { remaining: () => 1 } }),
        timeout: on({ attemptMs: 1000 }),
      },
    },
  ],
  upstreams: () => [{ name: 'a', target: 'http://a', tunnels: 0, lastError: undefined }],
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
  for (const event of oneOfEach(exchange)) emit(event);
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
