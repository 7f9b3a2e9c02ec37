/** The Prometheus metrics: counts what the events tell, and shows it together with the gauges and the process's own. */
import { setImmediate } from 'node:timers/promises';
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Reason } from '../../core/errors.js';
import type {
  Emit,
  Event,
  ExchangeSummary,
  IdempotencyResult,
  FallbackKind,
  RetryCause,
  RetryDenial,
} from '../../core/events.js';
import type { InspectableCircuit, Inspection } from '../../core/inspect.js';
import type { AttemptResult } from '../../core/outcome.js';
import {
  CounterFamily,
  CountersBy,
  GaugeFamily,
  HistogramFamily,
  type Family,
  type Histogram,
} from '../exposition/families.js';
import { createGauges } from './gauges.js';
import { renderPage } from '../exposition/page.js';

export interface MetricsOptions {
  readonly version: string;
  readonly inspection: Inspection;
}

export interface Metrics {
  /** The listener for the events of one upstream and route; both empty for what belongs to no upstream. */
  scope(upstream: string, route: string): Emit;
  readonly contentType: string;
  countReload(result: 'success' | 'failure'): void;
  /** A configuration came into force, at the start or by a reload. @param wallMs since the Unix epoch. */
  noteConfig(wallMs: number): void;
  /** The page that Prometheus scrapes, each piece of it as it is asked for. */
  exposition(): AsyncIterable<string>;
}

/** Seconds: from a local call to the longest answer that a default `total` allows, and one beyond it. */
const durationBounds = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

/** Seconds: queues are for short waits. */
const waitBounds = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 10];

// Shown from the start.
const results: readonly AttemptResult[] = [
  'success',
  'failure',
  'timeout',
  'unsent',
  'reset',
  'cancelled',
];
const causes: readonly RetryCause[] = ['unsent', 'stale', 'reset', 'timeout', 'status'];
const denials: readonly RetryDenial[] = [
  'budget',
  'deadline',
  'body',
  'method',
  'circuit',
  'retry-after',
];
const rejections: readonly Reason[] = ['circuit-open', 'bulkhead-full', 'bulkhead-timeout'];

export function createMetrics({ version, inspection }: MetricsOptions): Metrics {
  // The process's own metrics are the library's: ours are too many for it.
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const counters = createCounters();
  let configuredAtMs: number | undefined;
  const families: readonly Family[] = [
    // The gauges first: reading a circuit may make it move, which is counted.
    ...createGauges(version, inspection),
    ...Object.values(counters),
    new GaugeFamily(
      'breakwater_config_last_reload_success_timestamp_seconds',
      'When the configuration in force was read.',
      () => (configuredAtMs === undefined ? [] : [{ labels: '', value: configuredAtMs / 1000 }]),
    ),
  ];
  const reloads = new CountersBy(counters.reloads, 'result', {}, ['success', 'failure'] as const);

  const upstreams = new Map<string, UpstreamCounters>();
  const announced = new WeakSet<InspectableCircuit>();

  /** Else an alert on a rise would miss each circuit's first opening. */
  function announceOpenings(): void {
    for (const { upstream, route, circuit } of inspection.scopes()) {
      if (circuit === undefined || announced.has(circuit)) continue;
      announced.add(circuit);
      counters.transitions.at({ upstream, route, from: 'closed', to: 'open' });
    }
  }

  return {
    scope(upstream, route) {
      let shared = upstreams.get(upstream);
      if (shared === undefined) {
        shared = createUpstreamCounters(counters, upstream);
        upstreams.set(upstream, shared);
      }
      const scope = new Scope(counters, shared, upstream, route);
      return (event) => {
        scope.count(event);
      };
    },
    contentType: registry.contentType,
    countReload(result) {
      reloads.at(result).value++;
    },
    noteConfig(wallMs) {
      configuredAtMs = wallMs;
    },
    async *exposition() {
      announceOpenings();
      // First, as it may fail: nothing has been sent yet.
      const ofProcess = await renderRegistry(registry);
      yield* renderPage(families, ofProcess);
    },
  };
}

/** ms of work before others get their turn. */
const TURN_MS = 1;

/** One metric after the other: some look at each open socket, and there may be ten thousand. */
async function renderRegistry(registry: Registry): Promise<string> {
  let lines = '';
  let turnEndMs = performance.now() + TURN_MS;
  for (const { name } of registry.getMetricsAsArray()) {
    lines += `${await registry.getSingleMetricAsString(name)}\n\n`;
    if (performance.now() < turnEndMs) continue;
    await setImmediate();
    turnEndMs = performance.now() + TURN_MS;
  }
  return lines;
}

type Counters = ReturnType<typeof createCounters>;

function createCounters() {
  return {
    requests: new CounterFamily(
      'breakwater_requests_total',
      'Exchanges that ended. status: 2xx to 5xx, or 499 for a client that left. reason: why Breakwater sent its own response, cut the response or used a fallback; otherwise empty.',
    ),
    durations: new HistogramFamily(
      'breakwater_request_duration_seconds',
      'Time from the head of a request to the end of its exchange.',
      durationBounds,
    ),
    attempts: new CounterFamily(
      'breakwater_attempts_total',
      'Attempts. outcome: success, failure (a 5xx), timeout, unsent, reset or cancelled.',
    ),
    retries: new CounterFamily(
      'breakwater_retries_total',
      'Attempts after the first. cause: unsent, stale, reset, timeout or status.',
    ),
    denials: new CounterFamily(
      'breakwater_retries_denied_total',
      'Retries that were needed but not made. cause: budget, deadline, body, method, circuit or retry-after.',
    ),
    transitions: new CounterFamily(
      'breakwater_circuit_transitions_total',
      'Moves of a circuit from one state to another.',
    ),
    fallbacks: new CounterFamily(
      'breakwater_fallbacks_total',
      'Responses sent instead of a failure. source: cache, upstream or static.',
    ),
    waits: new HistogramFamily(
      'breakwater_bulkhead_wait_seconds',
      'Time for which admitted calls waited for a slot.',
      waitBounds,
    ),
    reloads: new CounterFamily(
      'breakwater_config_reloads_total',
      'How often the configuration was read again. result: success or failure.',
    ),
    rejections: new CounterFamily(
      'breakwater_rejections_total',
      'Calls that got a response of Breakwater without an attempt.',
    ),
    idempotency: new CounterFamily(
      'breakwater_idempotency_total',
      'Requests with idempotency keys. result: stored, replayed, conflict, mismatch, or error (the store could not be used).',
    ),
  };
}

type UpstreamCounters = ReturnType<typeof createUpstreamCounters>;

/** What the routes of an upstream count together. */
function createUpstreamCounters(counters: Counters, upstream: string) {
  /** What belongs to no upstream has nothing to show from the start. */
  const by = <V extends string>(family: CounterFamily, label: string, known: readonly V[]) =>
    new CountersBy(family, label, { upstream }, upstream === '' ? [] : known);
  return {
    attempts: by(counters.attempts, 'outcome', results),
    retries: by(counters.retries, 'cause', causes),
    denials: by(counters.denials, 'cause', denials),
    fallbacks: by<FallbackKind>(counters.fallbacks, 'source', []),
    rejections: by(counters.rejections, 'reason', rejections),
    idempotency: by<IdempotencyResult>(counters.idempotency, 'result', []),
  };
}

/** Counts the events of one upstream and route. */
class Scope {
  readonly #counters: Counters;
  readonly #upstream: UpstreamCounters;
  readonly #labels: { readonly upstream: string; readonly route: string };
  /** By status class. */
  readonly #requests = new Map<string, CountersBy<Reason | ''>>();
  // Made when first needed: most routes of a large file are idle, and a histogram is many lines.
  #durations: Histogram | undefined;
  #waits: Histogram | undefined;

  constructor(counters: Counters, shared: UpstreamCounters, upstream: string, route: string) {
    this.#counters = counters;
    this.#upstream = shared;
    this.#labels = { upstream, route };
  }

  count(event: Event): void {
    switch (event.type) {
      case 'exchange-finished':
        this.#countExchange(event.summary);
        return;
      case 'attempt-finished':
        this.#upstream.attempts.at(event.result).value++;
        return;
      case 'retry-started':
        this.#upstream.retries.at(event.cause).value++;
        return;
      case 'retry-denied':
        this.#upstream.denials.at(event.cause).value++;
        return;
      case 'fallback-used':
        this.#upstream.fallbacks.at(event.source).value++;
        return;
      case 'bulkhead-admitted':
        this.#waits ??= this.#counters.waits.at(this.#labels);
        this.#waits.observe(event.waitedMs / 1000);
        return;
      case 'idempotency-decided':
        this.#upstream.idempotency.at(event.result).value++;
        return;
      case 'circuit-moved': {
        const { from, to } = event;
        this.#counters.transitions.at({ ...this.#labels, from, to }).value++;
      }
    }
  }

  #countExchange({ status, reason, attempts, durationMs }: ExchangeSummary): void {
    const statusLabel = statusClass(status);
    let requests = this.#requests.get(statusLabel);
    if (requests === undefined) {
      const labels = { ...this.#labels, status: statusLabel };
      requests = new CountersBy(this.#counters.requests, 'reason', labels);
      this.#requests.set(statusLabel, requests);
    }
    requests.at(reason).value++;
    this.#durations ??= this.#counters.durations.at(this.#labels);
    this.#durations.observe(durationMs / 1000);
    if (attempts === 0 && reason !== '') this.#upstream.rejections.at(reason).value++;
  }
}

/** A 101 is how an upgrade succeeds. */
function statusClass(status: number): string {
  if (status === 499) return '499';
  if (status < 300) return '2xx';
  if (status < 400) return '3xx';
  return status < 500 ? '4xx' : '5xx';
}
