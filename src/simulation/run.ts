/** Plays a scenario: the upstream of a configuration, with callers and servers that are simulated. */
import type { Config, UpstreamConfig } from '../config/config.js';
import type { ExchangeFinished } from '../core/events.js';
import { circuitOf } from '../core/inspect.js';
import { firstValue } from '../http/fields.js';
import type { Sink } from '../telemetry/bus.js';
import { lognormal, seeded } from './chance.js';
import { Figures, type Phase } from './figures.js';
import { ModelFleet, SimulatedNames } from './model-fleet.js';
import { ModelServer, type ServerModel } from './model-server.js';
import { SimulatedProxy } from './proxy.js';
import type { ServedRequest } from './server.js';
import type { Scenario } from './scenarios.js';
import { callerFields, type Arrival, type Traffic } from './traffic.js';
import { VirtualClock } from './virtual-clock.js';

/** The callers, and how long they call. */
export interface Source {
  readonly durationMs: number;
  /** The same each time. */
  readonly open: (upstream: UpstreamConfig) => Traffic;
}

/** The upstream as a whole. */
export interface UpstreamModel {
  /** Requests per second that it can serve. */
  readonly capacity: number;
  /** What a request takes on average, ms; lognormal. */
  readonly latencyMs: number;
}

export interface SimulationOptions {
  readonly upstream: string;
  readonly scenario: Scenario;
  readonly seed: number;
  readonly source: Source;
  readonly model: UpstreamModel;
}

export interface SimulatedFile {
  readonly file: string;
  readonly endpoints: number;
  /** Requests per second that they can serve together: each works on one at a time at least. */
  readonly capacity: number;
  readonly figures: Figures;
}

/** Of the logarithm of a request's time: one in a hundred takes 2.8 times the mean. */
const SIGMA = 0.5;
/** There and back; and what it takes to open a connection. */
const NETWORK_MS = 2;

/** For the picture. */
const STRETCHES = 60;

/** Calls may end this long after the last one has come; then their callers hang up. */
const PATIENCE_MS = 10 * 60_000;
const LOOK_MS = 1000;

/** Carries the time of a recorded request to the servers. */
const OWN_TIME = 'X-Simulated-Service-Ms';

function ownServiceMs({ head }: ServedRequest): number | undefined {
  const value = firstValue(head.fields, OWN_TIME.toLowerCase());
  // What is recorded has the network in it.
  return value === undefined ? undefined : Math.max(0, Number(value) - NETWORK_MS);
}

/** One of the servers that the upstream is made of. */
export function serverModelOf(
  { capacity, latencyMs }: UpstreamModel,
  servers: number,
): ServerModel {
  return {
    servers: Math.max(1, Math.round((capacity * latencyMs) / 1000 / servers)),
    serviceMs: lognormal(latencyMs, SIGMA),
    ownServiceMs,
    latencyMs: NETWORK_MS,
    connectMs: NETWORK_MS,
  };
}

/** Four quarters: as usual, what the scenario does, and twice what comes of it. */
export function phasesOf({ name, isSteady }: Scenario, durationMs: number): Phase[] {
  if (isSteady === true) return [{ name, fromMs: 0, toMs: durationMs }];
  const at = (quarters: number) => Math.round((durationMs * quarters) / 4);
  return ['before', name, 'recovery', 'after'].map((each, i) => ({
    name: each,
    fromMs: at(i),
    toMs: at(i + 1),
  }));
}

const FAULT_PHASE = 1;

/** The same input gives the same figures, to the last digit. @param config has the upstream. */
export async function simulate(config: Config, options: SimulationOptions): Promise<SimulatedFile> {
  const { upstream: name, scenario, seed, source, model } = options;
  const { durationMs } = source;
  const clock = new VirtualClock();
  const upstream = config.upstreams.find((each) => each.name === name)!;
  const phases = phasesOf(scenario, durationMs);
  const figures = new Figures(phases, STRETCHES);
  const names = new SimulatedNames(scenario.addressesPerName ?? 1);
  // Chance of their own: what policies draw must not change who comes when, or what a response costs.
  const random = seeded(seed + 1);
  const fleet = new ModelFleet(
    upstream,
    names,
    (servers) => serverModelOf(model, servers),
    clock,
    random,
  );
  const capacity = (1000 * sum(fleet.servers.map((each) => each.model.servers))) / model.latencyMs;
  const others = { ...serverModelOf(model, 1), servers: Infinity };
  const proxy = new SimulatedProxy(config, {
    clock,
    seed,
    lookup: names.lookup,
    serverAt: (place) =>
      place.upstream === name
        ? counted(fleet.serverAt(place), () => figures.addAttempt(clock.now()))
        : new ModelServer(others, clock, seeded(seed + 2)),
    sink: listenTo(name, (summary) => figures.addCall(summary, clock.now())),
  });

  const fault = phases[FAULT_PHASE];
  if (fault !== undefined) {
    clock.schedule(fault.fromMs, () => scenario.begin?.(fleet, upstream));
    clock.schedule(fault.toMs, () => scenario.end?.(fleet));
  }
  watchCircuits(proxy, name, figures, clock);
  const open = source.open(upstream);
  const shaped =
    fault === undefined ? open : (scenario.shape?.(open, fault, seeded(seed + 3)) ?? open);
  const fieldsOf = callerFields(upstream);
  callAll(shaped, clock, durationMs, ({ method, path, serviceMs }) => {
    const fields = fieldsOf(method, path);
    if (serviceMs !== undefined) fields.push(OWN_TIME, String(serviceMs));
    proxy.send(name, { method, target: path, fields }, () => {});
  });

  await clock.run(durationMs);
  for (let ms = 0; ms < PATIENCE_MS && proxy.running > 0; ms += LOOK_MS) {
    await clock.run(clock.now() + LOOK_MS);
  }
  proxy.hangUpAll();
  return { file: config.file, endpoints: fleet.servers.length, capacity, figures };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** The server, and `onAttempt` for each attempt that is directed to it. */
function counted(server: ModelServer, onAttempt: () => void) {
  return {
    keepsConnections: server.keepsConnections,
    get generation() {
      return server.generation;
    },
    serve(request: ServedRequest) {
      onAttempt();
      server.serve(request);
    },
  };
}

function listenTo(name: string, onCall: (summary: ExchangeFinished['summary']) => void): Sink {
  return {
    scope: (upstream) => (event) => {
      if (upstream !== name || event.type !== 'exchange-finished') return;
      onCall((event as ExchangeFinished).summary);
    },
  };
}

function watchCircuits(
  proxy: SimulatedProxy,
  name: string,
  figures: Figures,
  clock: VirtualClock,
): void {
  const look = (): void => {
    const found = proxy.scopes().flatMap((scope): [string, string][] => {
      const circuit = scope.upstream === name ? circuitOf(scope) : undefined;
      return circuit === undefined ? [] : [[scope.route, circuit.snapshot().state]];
    });
    figures.circuits.push(new Map(found));
    if (figures.circuits.length < figures.stretches.length) clock.schedule(figures.stretchMs, look);
  };
  clock.schedule(figures.stretchMs, look);
}

/** One arrival is asked for at a time. */
function callAll(
  traffic: Traffic,
  clock: VirtualClock,
  endMs: number,
  call: (arrival: Arrival) => void,
): void {
  const arrivals = traffic[Symbol.iterator]();
  const next = (): void => {
    const { value: arrival, done } = arrivals.next();
    if (done === true || arrival.atMs >= endMs) return;
    clock.schedule(arrival.atMs - clock.now(), () => {
      call(arrival);
      next();
    });
  };
  next();
}
