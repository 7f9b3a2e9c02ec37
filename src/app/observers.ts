/** What listens to the events of calls: metrics, log, traces and live page. None of them changes what happens. */
import type { Config } from '../config/config.js';
import type { Inspection } from '../core/inspect.js';
import type { ReloadOutcome } from '../core/reload.js';
import { joinSinks, type Sink } from '../telemetry/bus.js';
import { createMetrics, type Metrics } from '../telemetry/instruments/metrics.js';
import { createLogSink } from '../telemetry/log/log-sink.js';
import type { AppOptions } from './app-options.js';
import type { DataPlane } from './data-plane.js';
import type { LeftBehind } from './left-behind.js';
import { LivePage } from './live-page.js';
import { Traces } from './tracing.js';

export interface ObserversOptions extends Omit<AppOptions, 'load' | 'onApplied'> {
  readonly inspection: Inspection;
  /** The one in force. */
  readonly config: () => Config;
  readonly state: () => string;
  /** Undefined while the load of the process is not watched. */
  readonly overload: () => DataPlane['overload'];
  readonly leftBehind: LeftBehind;
}

export class Observers {
  readonly metrics: Metrics;
  readonly traces: Traces;
  readonly livePage: LivePage;
  readonly #options: ObserversOptions;

  constructor(options: ObserversOptions) {
    this.#options = options;
    const { clock, version, inspection, droppedLines, overload } = options;
    this.metrics = createMetrics({
      clock,
      version,
      inspection,
      droppedLines,
      memory: () => overload()?.memory,
      shadowed: () => (overload()?.mode === 'shadow' ? ['overload'] : []),
    });
    this.traces = new Traces({
      ...options,
      countSpans: (result, spans) => this.metrics.countSpans(result, spans),
    });
    this.livePage = new LivePage({
      ...options,
      shedding: () => overload()?.shedding,
      wouldShed: () => overload()?.wouldShed,
    });
  }

  /** Where events go under this configuration, once `traces` is configured for it. */
  bus({ log }: Config): Sink {
    const { logger, clock, random, policies } = this.#options;
    const { sink: traceSink } = this.traces;
    return joinSinks([
      this.metrics,
      this.livePage.sink,
      createLogSink({ logger, clock, random, policies, access: log.access, sample: log.sample }),
      ...(traceSink === undefined ? [] : [traceSink]),
    ]);
  }

  /** The configuration has come into force, at the start or by a reload. */
  noteConfig({ hash }: Config): void {
    this.metrics.noteConfig(hash);
    this.livePage.noteConfig();
  }

  noteReload(outcome: ReloadOutcome): void {
    this.metrics.countReload(outcome.kind === 'success' ? 'success' : 'failure');
    this.livePage.noteReload(outcome);
  }
}
