/** Metric families whose cells are plain numbers: a count on the hot path is one addition, without a look-up by label. */

export type Labels = Readonly<Record<string, string>>;

/** A line of the page, as prom-client's registry takes it. */
export interface Sample {
  /** Rendered once per object and remembered: with thousands of lines a scrape would block calls in flight for long. */
  readonly sharedLabels: Labels;
  /** Rendered each time. */
  readonly labels?: { readonly le: number | '+Inf' };
  readonly value: number;
  /** Where it is not the family's own name: `_bucket`, `_sum` and `_count` of a histogram. */
  readonly metricName?: string;
}

/** What can be scraped. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  samples(): Sample[];
}

/** Label values come from the config and from closed lists only, so the number of cells is bounded. */
class Cells<T> {
  readonly #cells = new Map<string, { readonly labels: Labels; readonly cell: T }>();
  readonly #create: () => T;

  constructor(create: () => T) {
    this.#create = create;
  }

  /** The same cell for the same labels, so that a scope that is made anew goes on counting. */
  at(labels: Labels): T {
    const key = JSON.stringify(Object.values(labels));
    let entry = this.#cells.get(key);
    if (entry === undefined) {
      entry = { labels, cell: this.#create() };
      this.#cells.set(key, entry);
    }
    return entry.cell;
  }

  all(): { readonly labels: Labels; readonly cell: T }[] {
    return [...this.#cells.values()];
  }
}

export interface Counter {
  value: number;
}

export class CounterFamily implements Family {
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

  samples(): Sample[] {
    return this.#cells
      .all()
      .map(({ labels, cell }) => ({ sharedLabels: labels, value: cell.value }));
  }
}

/** The cells of a family that differ in one label only; found by its value, without building a key. */
export class CountersBy<V extends string> {
  readonly #family: CounterFamily;
  readonly #label: string;
  readonly #labels: Labels;
  readonly #cells = new Map<V, Counter>();

  /**
   * @param known values that are shown from the start: Prometheus sees no rise in a series that begins at 1.
   */
  constructor(family: CounterFamily, label: string, labels: Labels, known: readonly V[] = []) {
    this.#family = family;
    this.#label = label;
    this.#labels = labels;
    for (const value of known) this.at(value);
  }

  at(value: V): Counter {
    let cell = this.#cells.get(value);
    if (cell === undefined) {
      cell = this.#family.at({ ...this.#labels, [this.#label]: value });
      this.#cells.set(value, cell);
    }
    return cell;
  }
}

/** Counts of observations by upper bound. */
export class Histogram {
  readonly #bounds: readonly number[];
  /** Each bucket's own observations; the last one is for what is over every bound. */
  readonly counts: number[];
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  observe(value: number): void {
    let index = 0;
    while (index < this.#bounds.length && value > this.#bounds[index]!) index++;
    this.counts[index]!++;
    this.sum += value;
  }
}

export class HistogramFamily implements Family {
  readonly type = 'histogram';
  readonly name: string;
  readonly help: string;
  readonly #cells: Cells<Histogram>;
  readonly #bucketLabels: readonly NonNullable<Sample['labels']>[];

  constructor(name: string, help: string, bounds: readonly number[]) {
    this.name = name;
    this.help = help;
    this.#cells = new Cells(() => new Histogram(bounds));
    this.#bucketLabels = [...bounds, '+Inf' as const].map((le) => ({ le }));
  }

  at(labels: Labels): Histogram {
    return this.#cells.at(labels);
  }

  samples(): Sample[] {
    return this.#cells.all().flatMap(({ labels, cell }) => this.#samplesOf(labels, cell));
  }

  /** Prometheus wants cumulative buckets. */
  #samplesOf(sharedLabels: Labels, cell: Histogram): Sample[] {
    const bucket = `${this.name}_bucket`;
    let total = 0;
    const samples: Sample[] = this.#bucketLabels.map((labels, index) => {
      total += cell.counts[index]!;
      return { metricName: bucket, labels, sharedLabels, value: total };
    });
    samples.push({ metricName: `${this.name}_sum`, sharedLabels, value: cell.sum });
    samples.push({ metricName: `${this.name}_count`, sharedLabels, value: total });
    return samples;
  }
}

/** Keeps nothing: what it shows is read when it is scraped. */
export class GaugeFamily implements Family {
  readonly type = 'gauge';
  readonly name: string;
  readonly help: string;
  readonly samples: () => Sample[];

  constructor(name: string, help: string, read: () => Sample[]) {
    this.name = name;
    this.help = help;
    this.samples = read;
  }
}
