/** Tracing while it is on: decides which calls are recorded, and sends their spans. Loaded only when it is needed. */
import { setImmediate } from 'node:timers/promises';
import {
  ATTR_TELEMETRY_SDK_LANGUAGE,
  ATTR_TELEMETRY_SDK_NAME,
  ATTR_TELEMETRY_SDK_VERSION,
  TELEMETRY_SDK_LANGUAGE_VALUE_NODEJS,
} from '@opentelemetry/semantic-conventions';
import type { Clock, Random } from '../../core/clock.js';
import type { PolicyList } from '../../core/policy.js';
import type { Tracer } from '../../core/span.js';
import type { Sink } from '../bus.js';
import { CallTrace } from './call-trace.js';
import { openCollector } from './collector.js';
import { createEncoding, type OtlpProtocol } from './encode.js';
import type { Collector } from './delivery.js';
import { Exporter } from './exporter.js';
import { Places } from './places.js';
import { createTraceSink, refusalEventsOf } from './trace-sink.js';

/** Where spans go. */
export interface CollectorTarget {
  readonly url: string;
  readonly protocol: OtlpProtocol;
  readonly headers: Readonly<Record<string, string>>;
  readonly resource: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly isCompressed: boolean;
}

export interface TracingContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly policies: PolicyList;
  readonly version: string;
  readonly countSpans: (result: 'exported' | 'dropped', spans: number) => void;
  /** A request to the collector went wrong (why), or well (undefined). */
  readonly onOutcome: (why: string | undefined) => void;
}

/** One for the whole process: reloads change where spans go and how many there are. */
export class Tracing {
  readonly sink: Sink;
  readonly #context: TracingContext;
  readonly #exporter: Exporter;
  readonly #refusalEvents: ReadonlyMap<string, string>;
  readonly #places = new Places();

  constructor(target: CollectorTarget, context: TracingContext) {
    const { clock, random, countSpans, onOutcome, policies } = context;
    this.#context = context;
    this.sink = createTraceSink(policies);
    this.#refusalEvents = refusalEventsOf(policies);
    this.#exporter = new Exporter(this.#open(target), {
      clock,
      random,
      nextTurn: () => setImmediate(),
      onExported: (spans) => countSpans('exported', spans),
      onDropped: (spans) => countSpans('dropped', spans),
      onOutcome,
    });
  }

  /** @returns the collector before, which can be closed when its last requests have ended. */
  moveTo(target: CollectorTarget): Collector {
    return this.#exporter.moveTo(this.#open(target));
  }

  /** @param share 0..1 of the calls whose caller has no trace. */
  tracer(share: number): Tracer {
    const { clock, random } = this.#context;
    const refusalEvents = this.#refusalEvents;
    const exporter = this.#exporter;
    const add = exporter.add.bind(exporter);
    const recorder = { clock, random, refusalEvents, places: this.#places, add };
    return {
      isSampled: (trace) => (trace === undefined ? random() < share : trace.isSampled),
      begin: (request) => new CallTrace(request, recorder),
    };
  }

  /** Sends what waits, and drops what is not sent after `limitMs`. */
  end(limitMs: number): Promise<void> {
    return this.#exporter.end(limitMs);
  }

  #open({ protocol, resource, ...target }: CollectorTarget): Collector {
    const { clock, version } = this.#context;
    const identity = {
      [ATTR_TELEMETRY_SDK_NAME]: 'breakwater',
      [ATTR_TELEMETRY_SDK_LANGUAGE]: TELEMETRY_SDK_LANGUAGE_VALUE_NODEJS,
      [ATTR_TELEMETRY_SDK_VERSION]: version,
    };
    const encoding = createEncoding(protocol, { resource: { ...identity, ...resource }, version });
    return openCollector({ ...target, encoding, clock, version });
  }
}
