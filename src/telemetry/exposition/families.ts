/**
 * Metric families whose cells are plain numbers: a count on the hot path is one addition, without a look-up by label. They
 * write their own lines of the page, with the labels rendered once per cell: a thousand upstreams have half a million lines.
 */

import type { Trace } from '../../http/traceparent.js';

export type Labels = Readonly<Record<string, string>>;

/** A metric on the page. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /**
   * The lines of each cell, one cell at a time; each line ends with a line feed.
   * @param hasExemplars the format of the page has them.
   */
  lines(hasExemplars: boolean): Iterable<string>;
}

const escaped: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' };

const renderLabel = (name: string, value: string) =>
  `${name}="${value.replace(/[\\"\n]/g, (each) => escaped[each]!)}"`;

/** `a="x",b="y"`, as the Prometheus text format has it. */
export function renderLabels(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => renderLabel(name, value))
    .join(',');
}

const renderValue = (value: number) => (value === Infinity ? '+Inf' : String(value));

/**
 * Label values come from the config and from closed lists only, so the number of cells is bounded. Cells of one upstream are
 * together, so that all of them can go at once.
 */
class Cells<T> {
  readonly #byUpstream = new Map<string, Map<string, T>>();
  readonly #create: () => T;

  constructor(create: () => T) {
    this.#create = create;
  }

  /** The same cell for the same labels, so that a scope that is made anew goes on counting. */
  at(labels: Labels): T {
    const { upstream = '' } = labels;
    let cells = this.#byUpstream.get(upstream);
    if (cells === undefined) this.#byUpstream.set(upstream, (cells = new Map()));
    const key = renderLabels(labels);
    let cell = cells.get(key);
    if (cell === undefined) cells.set(key, (cell = this.#create()));
    return cell;
  }

  drop(upstream: string): void {
    this.#byUpstream.delete(upstream);
  }

  /** With the labels as they are written. */
  *[Symbol.iterator](): Iterator<[string, T]> {
    for (const cells of this.#byUpstream.values()) yield* cells;
  }
}

/** A metric whose cells stay until their upstream is dropped. */
export interface LastingFamily extends Family {
  /** Takes the cells of an upstream off the page. */
  drop(upstream: string): void;
}

export interface Counter {
  value: number;
}

export class CounterFamily implements LastingFamily {
  readonly type = 'counter';
  readonly name: string;
  readonly help: string;
  readonly #cells = new Cells<Counter>(() => ({ value: 0 }));

  constructor(name: string, help: string) {
    this.name = name;
    this.help = help;
  }

  at(labels: Labels): Counter {
    return this.#cells.at(labels);
  }

  drop(upstream: string): void {
    this.#cells.drop(upstream);
  }

  *lines(): Iterable<string> {
    for (const [labels, { value }] of this.#cells) yield lineOf(this.name, labels, value);
  }
}

/** Counts of observations by upper bound. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #wallNow: () => number;
  /** By bucket; none until there is a trace. */
  #exemplars: (Exemplar | undefined)[] | undefined;
  /** Each bucket's own observations; the last one is for what is over every bound. */
  readonly counts: number[];
  sum = 0;

  constructor(bounds: readonly number[], wallNow: () => number) {
    this.#bounds = bounds;
    this.#wallNow = wallNow;
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  /** @param trace of what was observed; one that is not recorded leads nowhere. */
  observe(value: number, trace?: Trace): void {
    let index = 0;
    while (index < this.#bounds.length && value > this.#bounds[index]!) index++;
    this.counts[index]!++;
    this.sum += value;
    if (trace?.isSampled === true) this.#show(index, value, trace.id);
  }

  /** What is written behind a bucket: an observation in it, or nothing. A later one takes its place at the next page. */
  exemplarOf(bucket: number): string {
    const exemplar = this.#exemplars?.[bucket];
    if (exemplar === undefined) return '';
    exemplar.isShown = true;
    return exemplar.text;
  }

  /** The first one since the last page: others would not be seen. */
  #show(bucket: number, value: number, traceId: string): void {
    this.#exemplars ??= this.counts.map(() => undefined);
    if (this.#exemplars[bucket]?.isShown === false) return;
    const seconds = (this.#wallNow() / 1000).toFixed(3);
    const text = ` # {trace_id="${traceId}"} ${value} ${seconds}`;
    this.#exemplars[bucket] = { text, isShown: false };
  }
}

/** An observation that stands for others like it, with its trace. */
interface Exemplar {
  readonly text: string;
  /** A page has had it. */
  isShown: boolean;
}

export class HistogramFamily implements LastingFamily {
  readonly type = 'histogram';
  readonly name: string;
  readonly help: string;
  readonly #cells: Cells<Histogram>;
  /** Each bucket's line up to the labels of its cell. */
  readonly #buckets: readonly string[];

  /** @param wallNow for the time of exemplars. */
  constructor(name: string, help: string, bounds: readonly number[], wallNow: () => number) {
    this.name = name;
    this.help = help;
    this.#cells = new Cells(() => new Histogram(bounds, wallNow));
    this.#buckets = [...bounds, Infinity].map(
      (bound) => `${name}_bucket{le="${renderValue(bound)}",`,
    );
  }

  at(labels: Labels): Histogram {
    return this.#cells.at(labels);
  }

  drop(upstream: string): void {
    this.#cells.drop(upstream);
  }

  *lines(hasExemplars: boolean): Iterable<string> {
    for (const [labels, cell] of this.#cells) yield this.#linesOf(labels, cell, hasExemplars);
  }

  /** Prometheus wants cumulative buckets. */
  #linesOf(labels: string, cell: Histogram, hasExemplars: boolean): string {
    const { counts, sum } = cell;
    let total = 0;
    let lines = '';
    for (let i = 0; i < counts.length; i++) {
      total += counts[i]!;
      const exemplar = hasExemplars ? cell.exemplarOf(i) : '';
      lines += `${this.#buckets[i]!}${labels}} ${total}${exemplar}\n`;
    }
    return `${lines}${lineOf(`${this.name}_sum`, labels, sum)}${lineOf(`${this.name}_count`, labels, total)}`;
  }
}

/** One cell of a gauge: its labels as they are written (`renderLabels`), and what it shows now. */
export interface Reading {
  readonly labels: string;
  readonly value: number;
}

/** Reads its values when it is scraped. */
export class GaugeFamily implements Family {
  readonly type = 'gauge';
  readonly name: string;
  readonly help: string;
  readonly #read: () => Iterable<Reading>;

  constructor(name: string, help: string, read: () => Iterable<Reading>) {
    this.name = name;
    this.help = help;
    this.#read = read;
  }

  *lines(): Iterable<string> {
    for (const { labels, value } of this.#read()) yield lineOf(this.name, labels, value);
  }
}

function lineOf(name: string, labels: string, value: number): string {
  return labels === ''
    ? `${name} ${renderValue(value)}\n`
    : `${name}{${labels}} ${renderValue(value)}\n`;
}
