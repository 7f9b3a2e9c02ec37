/** The page of metrics with a sample of each. */
import type { ExchangeSummary } from '../../src/core/events.js';
import type { Inspection } from '../../src/core/inspect.js';
import type { CallLayer } from '../../src/core/pipeline.js';
import { policies } from '../../src/policies/index.js';
import { createSystemClock } from '../../src/platform/system-clock.js';
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
        circuitBreaker: on({
          circuit: { snapshot: () => ({ state: 'closed', mode: 'shadow' }) },
          shadow: { policy: 'circuitBreaker', reasons: ['circuit-open'] },
        }),
        bulkhead: on({ bulkhead: { active: 0, queued: 0, limit: 1, streams: 0 } }),
        retry: on({ budget: { remaining: () => 1 } }),
        timeout: on({
          attemptMs: 1000,
          adaptive: { currentMs: 500 },
          shadow: { policy: 'timeout.adaptive', reasons: ['timeout-attempt'] },
        }),
      },
    },
  ],
  upstreams: () => [
    {
      name: 'a',
      target: 'http://a',
      tunnels: 0,
      endpoints: { list: () => [], drain: () => undefined, undrain: () => undefined },
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
  grpcCode: 'OK',
  results: [],
  endpoints: [],
  interventions: [],
  upstreamStatus: 200,
  client: '127.0.0.1',
  bytesIn: 0,
  bytesOut: 0,
  attempts: 1,
  requestId: 'r',
  trace: undefined,
  shadow: [],
  substitution: undefined,
  error: undefined,
};

export async function samplePage(): Promise<string> {
  const metrics = createMetrics({
    clock: createSystemClock(),
    version: '1',
    inspection: idle,
    memory: () => ({ used: 0.1, limit: 0.85 }),
  });
  metrics.noteConfig('0123456789ab');
  metrics.countRefusal(400);
  metrics.countRefusedToken('wrong');
  metrics.countClosedConnection('too-many-resets');
  const emit = metrics.scope('a', '');
  for (const event of oneOfEach(exchange)) emit(event);
  let page = '';
  for await (const piece of metrics.exposition()) page += piece.toString();
  return page;
}
