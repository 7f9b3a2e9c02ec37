/** The Prometheus metrics: counts what the events tell, and reads gauges from the running proxy at each scrape. */
import { collectDefaultMetrics, Registry, type Metric } from 'prom-client';
import type { CircuitStateName, Emit, Event, ExchangeSummary } from '../core/events.js';
import type { InspectableBulkhead, InspectableUpstream, Inspection } from '../core/inspect.js';
import type { AttemptResult } from '../core/outcome.js';
import {
  CounterFamily,
  GaugeFamily,
  HistogramFamily,
  type Counter,
  type Family,
  type Histogram,
  type Sample,
} from './families.js';

export interface MetricsOptions {
  readonly version: string;
  readonly inspection: Inspection;
}

export interface Metrics {
  /** The listener for the events of one upstream and route; both empty for what belongs to no upstream. */
  scope(upstream: string, route: string): Emit;
  readonly contentType: string;
  /** The page that Prometheus scrapes. */
  exposition(): Promise<string>;
}

/** Seconds: from a local call to the longest answer that a default `total` allows, and one beyond it. */
const durationBounds = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

const circuitStates: readonly CircuitStateName[] = [
  'closed',
  'open',
  'half-open',
  'forced-open',
  'forced-closed',
];

export function createMetrics({ version, inspection }: MetricsOptions): Metrics {
  const registry = new Registry();
  const counters = createCounters();
  const families: Family[] = [...Object.values(counters), ...createGauges(version, inspection)];
  for (const family of families) register(registry, family);
  collectDefaultMetrics({ register: registry });

  return {
    scope: (upstream, route) => {
      const scope = new Scope(counters, upstream, route);
      return (event) => {
        scope.count(event);
      };
    },
    contentType: registry.contentType,
    exposition: () => registry.metrics(),
  };
}

/**
 * The registry asks of a metric only its name and `get()`; that is what lets the cells be ours. The library's type
 * describes its own four classes, hence the cast.
 */
function register(registry: Registry, family: Family): void {
  const { name, help, type } = family;
  const metric = {
    name,
    help,
    type,
    aggregator: 'sum',
    get: async () => ({ name, help, type, aggregator: 'sum', values: family.samples() }),
  };
  registry.registerMetric(metric as unknown as Metric);
}

type Counters = ReturnType<typeof createCounters>;

function createCounters() {
  return {
    requests: new CounterFamily(
      'breakwater_requests_total',
      'Exchanges that ended, by class of the status sent; reason is empty unless the end was ours.',
    ),
    durations: new HistogramFamily(
      'breakwater_request_duration_seconds',
      'Time from the head of a request to the end of its exchange.',
      durationBounds,
    ),
    attempts: new CounterFamily('breakwater_attempts_total', 'Tries, by what became of them.'),
    retries: new CounterFamily(
      'breakwater_retries_total',
      'Tries after the first, by what made them necessary.',
    ),
    denials: new CounterFamily(
      'breakwater_retries_denied_total',
      'Retries that were called for but not made, by what forbade them.',
    ),
    transitions: new CounterFamily(
      'breakwater_circuit_transitions_total',
      'Moves of a circuit from one state to another.',
    ),
    waits: new HistogramFamily(
      'breakwater_bulkhead_wait_seconds',
      'Time that admitted calls waited for a slot.',
      durationBounds,
    ),
    rejections: new CounterFamily(
      'breakwater_rejections_total',
      'Calls that were answered without a try.',
    ),
  };
}

function createGauges(version: string, inspection: Inspection): Family[] {
  const ofUpstreams =
    (read: (upstream: InspectableUpstream) => number | undefined) => (): Sample[] =>
      inspection.upstreams().flatMap((upstream) => {
        const value = read(upstream);
        return value === undefined ? [] : [{ labels: { upstream: upstream.name }, value }];
      });
  const ofBulkheads = (read: (bulkhead: InspectableBulkhead) => number) => (): Sample[] =>
    inspection.scopes().flatMap(({ upstream, route, bulkhead }) => {
      return bulkhead === undefined ? [] : [{ labels: { upstream, route }, value: read(bulkhead) }];
    });
  const ofCircuits = (): Sample[] =>
    inspection.scopes().flatMap(({ upstream, route, circuit }) => {
      if (circuit === undefined) return [];
      const current = circuit.snapshot().state;
      return circuitStates.map((state) => ({
        labels: { upstream, route, state },
        value: state === current ? 1 : 0,
      }));
    });

  return [
    new GaugeFamily(
      'breakwater_retry_budget_remaining',
      'Retries that the budget still allows.',
      ofUpstreams((upstream) => upstream.retryBudgetRemaining),
    ),
    new GaugeFamily(
      'breakwater_circuit_state',
      '1 for the state that the circuit is in, 0 for the others.',
      ofCircuits,
    ),
    new GaugeFamily(
      'breakwater_bulkhead_active',
      'Slots in use.',
      ofBulkheads((bulkhead) => bulkhead.active),
    ),
    new GaugeFamily(
      'breakwater_bulkhead_queued',
      'Calls waiting for a slot.',
      ofBulkheads((bulkhead) => bulkhead.queued),
    ),
    new GaugeFamily(
      'breakwater_bulkhead_limit',
      'Slots that there are.',
      ofBulkheads((bulkhead) => bulkhead.limit),
    ),
    new GaugeFamily(
      'breakwater_attempt_timeout_seconds',
      'Time that a try is given now.',
      ofUpstreams(({ attemptTimeoutMs }) =>
        attemptTimeoutMs === undefined ? undefined : attemptTimeoutMs / 1000,
      ),
    ),
    new GaugeFamily(
      'breakwater_tunnels',
      'Upgraded connections open now.',
      ofUpstreams((upstream) => upstream.tunnels),
    ),
    new GaugeFamily('breakwater_build_info', 'Always 1; the version is in the label.', () => [
      { labels: { version }, value: 1 },
    ]),
  ];
}

/** The cells of one upstream and route. */
class Scope {
  readonly #counters: Counters;
  readonly #upstream: string;
  readonly #route: string;
  /** By reason, then by status class: found without building a key per exchange. */
  readonly #requests = new Map<string, Map<string, Counter>>();
  readonly #attempts: Readonly<Record<AttemptResult, Counter>> | undefined;
  #durations: Histogram | undefined;
  #waits: Histogram | undefined;

  constructor(counters: Counters, upstream: string, route: string) {
    this.#counters = counters;
    this.#upstream = upstream;
    this.#route = route;
    // What belongs to no upstream never tries one.
    this.#attempts = upstream === '' ? undefined : attemptCells(counters.attempts, upstream);
  }

  count(event: Event): void {
    const upstream = this.#upstream;
    const route = this.#route;
    switch (event.type) {
      case 'exchange-finished':
        this.#countExchange(event.summary);
        return;
      case 'attempt-finished':
        if (this.#attempts !== undefined) this.#attempts[event.result].value++;
        return;
      case 'retry-started':
        this.#counters.retries.at({ upstream, cause: event.cause }).value++;
        return;
      case 'retry-denied':
        this.#counters.denials.at({ upstream, cause: event.cause }).value++;
        return;
      case 'bulkhead-admitted':
        this.#waits ??= this.#counters.waits.at({ upstream, route });
        this.#waits.observe(event.waitedMs / 1000);
        return;
      case 'circuit-moved': {
        const { from, to } = event;
        this.#counters.transitions.at({ upstream, route, from, to }).value++;
      }
    }
  }

  #countExchange({ status, reason, attempts, durationMs }: ExchangeSummary): void {
    const upstream = this.#upstream;
    this.#requestCell(statusClass(status), reason).value++;
    this.#durations ??= this.#counters.durations.at({ upstream, route: this.#route });
    this.#durations.observe(durationMs / 1000);
    if (attempts === 0 && reason !== '') {
      this.#counters.rejections.at({ upstream, reason }).value++;
    }
  }

  #requestCell(status: string, reason: string): Counter {
    let byStatus = this.#requests.get(reason);
    if (byStatus === undefined) this.#requests.set(reason, (byStatus = new Map()));
    let cell = byStatus.get(status);
    if (cell === undefined) {
      const labels = { upstream: this.#upstream, route: this.#route, status, reason };
      byStatus.set(status, (cell = this.#counters.requests.at(labels)));
    }
    return cell;
  }
}

/** All from the start, so that a rate over the first failure is not lost to a series that was not there before. */
function attemptCells(
  family: CounterFamily,
  upstream: string,
): Readonly<Record<AttemptResult, Counter>> {
  const at = (outcome: AttemptResult) => family.at({ upstream, outcome });
  return {
    success: at('success'),
    failure: at('failure'),
    timeout: at('timeout'),
    unsent: at('unsent'),
    reset: at('reset'),
    cancelled: at('cancelled'),
  };
}

/** A 101 is how an upgrade succeeds. */
function statusClass(status: number): string {
  if (status === 499) return '499';
  if (status < 300) return '2xx';
  if (status < 400) return '3xx';
  return status < 500 ? '4xx' : '5xx';
}
