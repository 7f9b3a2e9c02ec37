/** The Prometheus metrics: counters and histograms of events, gauges, and metrics of the process. */
import type { Clock } from '../../core/clock.js';
import type { Inspection, InspectableScope } from '../../core/inspect.js';
import type { AnyLayer } from '../../core/pipeline.js';
import type { PolicyList } from '../../core/policy.js';
import type { MemoryUse } from '../../policies/overload/index.js';
import { endpointInstruments } from '../../upstream/instruments.js';
import type { Sink } from '../bus.js';
import { createBreaks } from '../exposition/breaks.js';
import { chooseFormat, openMetrics, textFormat, type Format } from '../exposition/formats.js';
import { CounterFamily, GaugeFamily, renderLabels, type Family } from '../exposition/families.js';
import { renderPage } from '../exposition/page.js';
import { collectProcessMetrics } from '../exposition/process.js';
import { SharedPage } from '../exposition/shared-page.js';
import { Departed } from './departed.js';
import { exchangeInstruments } from './exchange.js';
import { createGauges, createMemoryGauges } from './gauges.js';
import { Meters } from './meters.js';
import { createShadowGauge, shadowTotal, shownBy } from './shadow.js';

export interface MetricsOptions {
  readonly clock: Clock;
  readonly version: string;
  readonly inspection: Inspection;
  /** Lines that the log had to leave out so far. */
  readonly droppedLines?: (() => number) | undefined;
  /** What the process uses of its memory; undefined while that is not watched. */
  readonly memory?: (() => MemoryUse | undefined) | undefined;
  /** Policies in shadow that belong to no upstream. */
  readonly shadowed?: (() => readonly string[]) | undefined;
}

export interface Metrics extends Sink {
  /** @param accept the `Accept` field of a scrape. */
  contentTypeFor(accept: string | undefined): string;
  countReload(result: 'success' | 'failure'): void;
  /** A request was refused below the policies. */
  countRefusal(status: number): void;
  /** A token of a write at the admin server was refused. @param reason wrong, limited or unchecked. */
  countRefusedToken(reason: string): void;
  /** A client's connection was closed because of what the client did. */
  countClosedConnection(reason: string): void;
  /** Spans were sent to the collector, or lost. */
  countSpans(result: 'exported' | 'dropped', spans: number): void;
  /** A configuration came into force, at the start or by a reload. @param hash of its content. */
  noteConfig(hash: string): void;
  /**
   * The page that Prometheus scrapes, in pieces. Those that overlap are one page.
   * @param accept the `Accept` field of the scrape.
   */
  exposition(accept?: string): AsyncIterable<Buffer>;
}

/** Before calls are served again. */
const SCOPES_AT_ONCE = 25;
const UPSTREAMS_AT_ONCE = 5;

/** Reasons whose count is shown from the start. */
const shownReasons = (policies: PolicyList) =>
  policies
    .flatMap(({ reasons = {} }) => Object.values(reasons))
    .flatMap(({ name, isShownFromStart }) => (isShownFromStart === true ? [name] : []));

export function createMetrics({
  clock,
  version,
  inspection,
  droppedLines = () => 0,
  memory = () => undefined,
  shadowed = () => [],
}: MetricsOptions): Metrics {
  // The process's own metrics are the library's: ours are too many for it.
  const ofProcess = collectProcessMetrics();
  const { policies } = inspection;
  const meters = new Meters(
    [
      ...exchangeInstruments(shownReasons(policies)),
      ...endpointInstruments,
      shadowTotal,
      ...policies.flatMap(({ instruments = [] }) => instruments),
    ],
    () => clock.wallNow(),
  );
  const reloads = new CounterFamily(
    'breakwater_config_reloads_total',
    'How often the configuration was read again. result: success or failure.',
  );
  const dropped = new CounterFamily(
    'breakwater_log_lines_dropped_total',
    'Log lines that were left out because nothing read standard output.',
  );
  const droppedCount = dropped.at({});
  const reloadsBy = {
    success: reloads.at({ result: 'success' }),
    failure: reloads.at({ result: 'failure' }),
  };
  const refusals = new CounterFamily(
    'breakwater_refused_requests_total',
    'Requests that were refused before any policy saw them. status: the status code that was sent.',
  );
  const refusedTokens = new CounterFamily(
    'breakwater_admin_refused_tokens_total',
    'Tokens of writes at the admin server that were refused. reason: wrong, limited (wrong, after 10 others of that client) or unchecked (10 others of that client wait for their check).',
  );
  const closed = new CounterFamily(
    'breakwater_connections_closed_total',
    'Connections that were closed because of what their client did. reason: what it did.',
  );
  const spans = new CounterFamily(
    'breakwater_spans_total',
    'Spans of traces. result: exported (the collector took them) or dropped.',
  );
  const spansBy = {
    exported: spans.at({ result: 'exported' }),
    dropped: spans.at({ result: 'dropped' }),
  };
  let configuredAtMs: number | undefined;
  let configHash = '';
  const families: readonly Family[] = [
    // The gauges first: reading a circuit may make it move, which is counted.
    ...createGauges(inspection),
    ...createMemoryGauges(memory),
    createShadowGauge(inspection, shadowed),
    ...meters.families,
    new GaugeFamily(
      'breakwater_build_info',
      'Always 1. version: of Breakwater. config: a hash of the configuration file in force and of the files that it names.',
      () => [{ labels: renderLabels({ version, config: configHash }), value: 1 }],
    ),
    reloads,
    dropped,
    refusals,
    refusedTokens,
    closed,
    spans,
    new GaugeFamily(
      'breakwater_config_last_reload_success_timestamp_seconds',
      'When the configuration in force was read.',
      () => (configuredAtMs === undefined ? [] : [{ labels: '', value: configuredAtMs / 1000 }]),
    ),
  ];

  const departed = new Departed(clock);
  const takeBreak = createBreaks();

  function dropDeparted(): void {
    for (const upstream of departed.takeDue()) meters.drop(upstream);
  }

  const announced = new WeakSet<AnyLayer>();
  let announcedScopes: readonly InspectableScope[] = [];

  /** Each upstream and each layer once: there may be a hundred thousand. */
  async function announceKnown(): Promise<void> {
    for (const [index, upstream] of meters.unshown.entries()) {
      meters.show(upstream);
      if (index % UPSTREAMS_AT_ONCE === UPSTREAMS_AT_ONCE - 1) await takeBreak();
    }
    const scopes = inspection.scopes();
    if (scopes === announcedScopes) return;
    for (const [index, { upstream, route, layers }] of scopes.entries()) {
      for (const { name, instruments = [] } of policies) {
        const layer = layers[name];
        if (layer === undefined || announced.has(layer)) continue;
        announced.add(layer);
        meters.announce(shownBy(layer, instruments), upstream, route);
      }
      if (index % SCOPES_AT_ONCE === SCOPES_AT_ONCE - 1) await takeBreak();
    }
    announcedScopes = scopes;
  }

  async function* render(format: Format): AsyncGenerator<string> {
    dropDeparted();
    await announceKnown();
    droppedCount.value = droppedLines();
    // First, as it may fail: nothing has been sent yet.
    const rest = await ofProcess.render(format);
    yield* renderPage(families, format, rest, takeBreak);
  }
  const pages = new Map(
    [textFormat, openMetrics].map((format) => [
      format,
      new SharedPage(() => render(format), takeBreak),
    ]),
  );

  return {
    scope(upstream, route) {
      dropDeparted();
      return meters.scope(upstream, route);
    },
    contentTypeFor: (accept) => chooseFormat(accept).contentType,
    countReload(result) {
      reloadsBy[result].value++;
    },
    countRefusal(status) {
      refusals.at({ status: String(status) }).value++;
    },
    countRefusedToken(reason) {
      refusedTokens.at({ reason }).value++;
    },
    countClosedConnection(reason) {
      closed.at({ reason }).value++;
    },
    countSpans(result, count) {
      spansBy[result].value += count;
    },
    noteConfig(hash) {
      dropDeparted();
      configHash = hash;
      configuredAtMs = clock.wallNow();
      const present = new Set(inspection.scopes().map(({ upstream }) => upstream));
      // What belongs to no upstream stays.
      departed.note(meters.upstreams, present.add(''));
    },
    exposition: (accept) => pages.get(chooseFormat(accept))!.read(),
  };
}
