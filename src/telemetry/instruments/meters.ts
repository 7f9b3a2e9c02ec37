/** Counters and histograms at work: the events of each upstream and route move their own cells. */
import type { Emit, Event } from '../../core/events.js';
import type { Counter, Histogram, Instrument } from '../../core/instruments.js';
import {
  CounterFamily,
  HistogramFamily,
  type Labels,
  type LastingFamily,
} from '../exposition/families.js';

/** Moves the cells of one upstream or route. */
type Observe = (event: Event) => void;

/** The own label values of some series. */
type Known = NonNullable<Counter['known']>;

interface Meter {
  readonly family: LastingFamily;
  readonly event: string;
  readonly per: 'upstream' | 'route';
  /** @param labels of the upstream, or of the route. */
  open(labels: Labels): Observe;
  readonly known: Known;
  /** Shows series before anything is counted. */
  announce(labels: Labels, known: Known): void;
}

/** A cell, or the map for the next label. */
type Branch<Cell> = Map<string, Branch<Cell> | Cell>;

/** The cells that have some labels in common; found by the values of the others, without building a key. */
class CellsBy<Cell> {
  readonly #family: { at(labels: Labels): Cell };
  readonly #common: Labels;
  readonly #names: readonly string[];
  readonly #reads: readonly ((event: Event) => string)[];
  readonly #root: Branch<Cell> = new Map();
  /** The cell of the event before, and its own label values: nearly all events are like the one before. */
  #last: Cell | undefined;
  readonly #lastValues: string[] = [];

  constructor(family: { at(labels: Labels): Cell }, common: Labels, labels: Counter['labels']) {
    this.#family = family;
    this.#common = common;
    this.#names = Object.keys(labels);
    this.#reads = Object.values(labels);
  }

  at(event: Event): Cell {
    if (this.#last === undefined || !this.#isLikeLast(event)) this.#last = this.#find(event);
    return this.#last;
  }

  #isLikeLast(event: Event): boolean {
    const reads = this.#reads;
    for (let i = 0; i < reads.length; i++) {
      if (reads[i]!(event) !== this.#lastValues[i]) return false;
    }
    return true;
  }

  #find(event: Event): Cell {
    let place: Branch<Cell> | Cell = this.#root;
    const depth = this.#reads.length;
    for (let i = 0; i < depth; i++) {
      const branch = place as Branch<Cell>;
      const value = this.#reads[i]!(event);
      this.#lastValues[i] = value;
      let next = branch.get(value);
      if (next === undefined) {
        next = i < depth - 1 ? new Map() : this.#create(event);
        branch.set(value, next);
      }
      place = next;
    }
    return depth === 0 ? this.#create(event) : (place as Cell);
  }

  #create(event: Event): Cell {
    const own = this.#names.map((name, i) => [name, this.#reads[i]!(event)]);
    return this.#family.at({ ...this.#common, ...Object.fromEntries(own) });
  }
}

function createCounter({ name, help, event, per, labels, when, known = [] }: Counter): Meter {
  const family = new CounterFamily(name, help);
  return {
    family,
    event,
    per,
    known,
    open(common) {
      const cells = new CellsBy(family, common, labels);
      return (event) => {
        if (when === undefined || when(event)) cells.at(event).value++;
      };
    },
    announce(common, series) {
      for (const values of series) family.at({ ...common, ...values });
    },
  };
}

function createHistogram(
  { name, help, event, per, labels, bounds, value, trace }: Histogram,
  wallNow: () => number,
): Meter {
  const family = new HistogramFamily(name, help, bounds, wallNow);
  return {
    family,
    event,
    per,
    known: [],
    open(common) {
      const cells = new CellsBy(family, common, labels);
      return (event) => cells.at(event).observe(value(event), trace?.(event));
    },
    announce() {},
  };
}

const join = (observers: readonly Observe[]): Observe =>
  observers.length === 1
    ? observers[0]!
    : (event) => {
        for (const observe of observers) observe(event);
      };

interface UpstreamMeters {
  /** The sum over its routes. Undefined until the first event or the first page: there may be a thousand upstreams. */
  shared: ReadonlyMap<Meter, Observe> | undefined;
  /** Calls may still run, but they are no longer counted. */
  isDropped: boolean;
}

export class Meters {
  readonly #meters: readonly Meter[];
  readonly #upstreams = new Map<string, UpstreamMeters>();
  readonly #unshown = new Set<string>();

  /** @param wallNow for what is shown with a time. */
  constructor(instruments: readonly Instrument[], wallNow: () => number) {
    this.#meters = instruments.flatMap((instrument): Meter[] => {
      if (instrument.kind === 'counter') return [createCounter(instrument)];
      return instrument.kind === 'histogram' ? [createHistogram(instrument, wallNow)] : [];
    });
  }

  get families(): LastingFamily[] {
    return this.#meters.map(({ family }) => family);
  }

  /** The upstreams that have series. */
  get upstreams(): Iterable<string> {
    return this.#upstreams.keys();
  }

  /** Those of which no page has shown what is known beforehand. */
  get unshown(): readonly string[] {
    return [...this.#unshown];
  }

  /** Shows the series of an upstream that are known beforehand. */
  show(upstream: string): void {
    const meters = this.#upstreams.get(upstream);
    if (meters !== undefined) this.#open(upstream, meters);
  }

  /** Counts the events of one upstream and route. */
  scope(upstream: string, route: string): Emit {
    const meters = this.#metersOf(upstream);
    // Cells of a route are made when first needed: most routes of a large file are idle, and a histogram is many lines.
    const observers = new Map<string, Observe>();
    return (event) => {
      if (meters.isDropped) return;
      let observe = observers.get(event.type);
      if (observe === undefined) {
        const shared = this.#open(upstream, meters);
        const own = this.#meters.filter((meter) => meter.event === event.type);
        observe = join(own.map((meter) => shared.get(meter) ?? meter.open({ upstream, route })));
        observers.set(event.type, observe);
      }
      observe(event);
    };
  }

  /** Shows the series of a route that are known beforehand. */
  announce(instruments: readonly Instrument[], upstream: string, route: string): void {
    for (const instrument of instruments) {
      if (instrument.kind !== 'counter' || instrument.per !== 'route') continue;
      const meter = this.#meters.find(({ family }) => family.name === instrument.name);
      meter?.announce({ upstream, route }, instrument.known ?? []);
    }
  }

  /** Takes the series of an upstream off the page. If it returns, it counts from 0. */
  drop(upstream: string): void {
    const meters = this.#upstreams.get(upstream);
    if (meters !== undefined) meters.isDropped = true;
    this.#upstreams.delete(upstream);
    this.#unshown.delete(upstream);
    for (const { family } of this.#meters) family.drop(upstream);
  }

  #metersOf(upstream: string): UpstreamMeters {
    let known = this.#upstreams.get(upstream);
    if (known === undefined) {
      known = { shared: undefined, isDropped: false };
      this.#upstreams.set(upstream, known);
      this.#unshown.add(upstream);
    }
    return known;
  }

  #open(upstream: string, known: UpstreamMeters): ReadonlyMap<Meter, Observe> {
    if (known.shared === undefined) {
      const meters = this.#meters.filter(({ per }) => per === 'upstream');
      known.shared = new Map(meters.map((meter) => [meter, meter.open({ upstream })]));
      this.#unshown.delete(upstream);
      // Events without an upstream have no series to show from the start.
      if (upstream !== '') for (const meter of meters) meter.announce({ upstream }, meter.known);
    }
    return known.shared;
  }
}
