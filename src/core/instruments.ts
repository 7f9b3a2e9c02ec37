/** What can be seen of a policy from outside: its metrics, its lines of the log and its events in traces, declared beside its events. */
import type { Trace } from '../http/traceparent.js';
import type { CallEvent, PolicyEvent } from './events.js';
import type { AnyLayer } from './pipeline.js';
import type { SpanAttributes } from './span.js';

/** A method's type: it compares with the same one of a wider event or layer, so that lists may hold any of them. */
type Reads<From, Value> = { read(from: From): Value }['read'];

interface Named {
  /** With the prefix `breakwater_`. */
  readonly name: string;
  readonly help: string;
}

/** Counts events of one type. Its labels are `upstream`, `route` where it counts per route, and its own. */
export interface Counter<Counted extends PolicyEvent = PolicyEvent> extends Named {
  readonly kind: 'counter';
  readonly event: Counted['type'];
  readonly per: 'upstream' | 'route';
  /** Label values come from closed lists: they bound the number of series. */
  readonly labels: Readonly<Record<string, Reads<Counted, string>>>;
  /** Only events for which this is true are counted. */
  readonly when?: Reads<Counted, boolean>;
  /**
   * Label values of series that are shown before anything is counted: Prometheus sees no rise in a series that begins at
   * 1. Per upstream they are there from the start, per route where the policy has a layer of its own.
   */
  readonly known?: readonly Readonly<Record<string, string>>[];
  /** Only a layer in shadow has such events, and such series. */
  readonly isOfShadow?: true;
}

/** Observes a value of each event of one type. Its labels are as those of a counter. */
export interface Histogram<Observed extends PolicyEvent = PolicyEvent> extends Named {
  readonly kind: 'histogram';
  readonly event: Observed['type'];
  readonly per: 'upstream' | 'route';
  readonly labels: Readonly<Record<string, Reads<Observed, string>>>;
  /** Upper bounds of the buckets, rising. */
  readonly bounds: readonly number[];
  readonly value: Reads<Observed, number>;
  /** The trace that an observation may be shown with; left out where none is. */
  readonly trace?: Reads<Observed, Trace | undefined>;
}

/** Reads a layer when it is scraped; undefined is not shown. Per upstream: the upstream's own layer only. */
export interface Gauge<Made extends AnyLayer = AnyLayer> extends Named {
  readonly kind: 'gauge';
  readonly per: 'upstream' | 'route';
  readonly value: Reads<Made, number | undefined>;
}

/** As a gauge, for a layer that is always in one of several states: 1 for that one, 0 for the others. */
export interface StateGauge<Made extends AnyLayer = AnyLayer> extends Named {
  readonly kind: 'state';
  readonly label: string;
  readonly states: readonly string[];
  /** Undefined is not shown. */
  readonly value: Reads<Made, string | undefined>;
}

export type Instrument = Counter | Histogram | Gauge | StateGauge;

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly fields: object;
  readonly message: string;
}

/** An event that has a line in the log. */
export interface LoggedEvent<Logged extends PolicyEvent = PolicyEvent> {
  readonly event: Logged['type'];
  /** Only events for which this is true have a line. */
  readonly when?: Reads<Logged, boolean>;
  line(event: Logged, upstream: string, route: string): LogLine;
}

/** An event that is shown in the trace of its call. */
export interface TracedEvent<Traced extends CallEvent = CallEvent> {
  readonly event: Traced['type'];
  /** In traces: `breakwater.` and a word. It never changes. */
  readonly name: string;
  /** Only events for which this is true are shown. */
  readonly when?: Reads<Traced, boolean>;
  /** Names begin with `breakwater.` */
  readonly attributes: Reads<Traced, SpanAttributes>;
}
