/** The Prometheus metrics: counters and histograms of events, gauges, and metrics of the process. */
import type { Inspection } from '../../core/inspect.js';
import type { AnyLayer } from '../../core/pipeline.js';
import type { PolicyList } from '../../core/policy.js';
import type { Sink } from '../bus.js';
import { CounterFamily, GaugeFamily, type Family } from '../exposition/families.js';
import { renderPage } from '../exposition/page.js';
import { collectProcessMetrics } from '../exposition/process.js';
import { exchangeInstruments } from './exchange.js';
import { createGauges } from './gauges.js';
import { Meters } from './meters.js';

export interface MetricsOptions {
  readonly version: string;
  readonly inspection: Inspection;
}

export interface Metrics extends Sink {
  readonly contentType: string;
  countReload(result: 'success' | 'failure'): void;
  /** A configuration came into force, at the start or by a reload. @param wallMs since the Unix epoch. */
  noteConfig(wallMs: number): void;
  /** The page that Prometheus scrapes, each piece of it as it is asked for. */
  exposition(): AsyncIterable<string>;
}

/** Reasons whose count is shown from the start. */
const shownReasons = (policies: PolicyList) =>
  policies
    .flatMap(({ reasons = {} }) => Object.values(reasons))
    .flatMap(({ name, isShownFromStart }) => (isShownFromStart === true ? [name] : []));

export function createMetrics({ version, inspection }: MetricsOptions): Metrics {
  // The library collects only the metrics of the process. It is too slow for ours.
  const ofProcess = collectProcessMetrics();
  const { policies } = inspection;
  const meters = new Meters([
    ...exchangeInstruments(shownReasons(policies)),
    ...policies.flatMap(({ instruments = [] }) => instruments),
  ]);
  const reloads = new CounterFamily(
    'breakwater_config_reloads_total',
    'How often the configuration was read again. result: success or failure.',
  );
  const reloadsBy = {
    success: reloads.at({ result: 'success' }),
    failure: reloads.at({ result: 'failure' }),
  };
  let configuredAtMs: number | undefined;
  const families: readonly Family[] = [
    // The gauges first: reading a circuit may make it move, which is counted.
    ...createGauges(version, inspection),
    ...meters.families,
    reloads,
    new GaugeFamily(
      'breakwater_config_last_reload_success_timestamp_seconds',
      'When the configuration in force was read.',
      () => (configuredAtMs === undefined ? [] : [{ labels: '', value: configuredAtMs / 1000 }]),
    ),
  ];

  const announced = new WeakSet<AnyLayer>();

  /** Each layer once: there may be a hundred thousand. */
  function announceKnown(): void {
    for (const { upstream, route, layers } of inspection.scopes()) {
      for (const { name, instruments = [] } of policies) {
        const layer = layers[name];
        if (layer === undefined || announced.has(layer)) continue;
        announced.add(layer);
        meters.announce(instruments, upstream, route);
      }
    }
  }

  return {
    scope: (upstream, route) => meters.scope(upstream, route),
    contentType: ofProcess.contentType,
    countReload(result) {
      reloadsBy[result].value++;
    },
    noteConfig(wallMs) {
      configuredAtMs = wallMs;
    },
    async *exposition() {
      announceKnown();
      // First, as it may fail: nothing has been sent yet.
      const rest = await ofProcess.render();
      yield* renderPage(families, rest);
    },
  };
}
