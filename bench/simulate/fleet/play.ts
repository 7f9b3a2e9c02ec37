/** Plays a scenario of a fleet: the real upstream with its endpoints and policies, in simulated time. */
import type { Event } from '../../../src/core/events.js';
import type { EndpointSnapshot } from '../../../src/core/inspect.js';
import type { CircuitMoved } from '../../../src/policies/circuit-breaker/states.js';
import { seeded, uniform } from '../../../src/simulation/chance.js';
import { SimulatedProxy } from '../../../src/simulation/proxy.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';
import type { EndpointEvent } from '../../../src/upstream/instruments.js';
import { keepCalling, type Send } from '../callers.js';
import { readConfig, UPSTREAM } from '../environment.js';
import { Recorder, type Tally } from '../recorder.js';
import { FLEET_TARGET, Fleet } from './fleet.js';

export interface FleetScenario {
  readonly name: string;
  /** Processes at the start. */
  readonly size: number;
  readonly callsPerSecond: number;
  /** How long calls count from `FAULT_MS` on; a minute if it is not set. */
  readonly lastsMs?: number;
  /** Sets out, by the fleet's clock, what happens to it from `FAULT_MS` on. */
  readonly arrange: (fleet: Fleet) => void;
}

/** How the upstream deals with its endpoints. */
export interface Variant {
  readonly name: string;
  /** In the file's notation. */
  readonly keys: Readonly<Record<string, unknown>>;
  /** Endpoints are drained at the instant at which their process stops working, and come back when it works again. */
  readonly isOmniscient: boolean;
}

export interface FleetResult {
  /** Those that began from `FAULT_MS` on. */
  readonly calls: Tally;
  /** Those that began 2 s after `FAULT_MS`, or later. */
  readonly later: Tally;
  /** Attempts at endpoints whose process was not up. */
  readonly deadAttempts: number;
  readonly circuitOpenings: number;
  readonly ejections: number;
  /** The most endpoints that were ejected at the same time. */
  readonly mostEjected: number;
  readonly panics: number;
}

/** When the first thing happens: until then all is well. */
export const FAULT_MS = 5000;
const LASTS_MS = 60_000;
const PATIENCE_MS = 30_000;

export const ATTEMPT_TIMEOUT_MS = 1000;
/** Of a process that is up: opening a connection included, ms. */
export const LONGEST_RESPONSE_MS = 84;
const model = { servers: Infinity, serviceMs: uniform(20, 80), latencyMs: 2, connectMs: 2 };

/** The same scenario gives the same result, to the last digit. */
export async function playFleet(
  scenario: FleetScenario,
  variant: Variant,
  seed: number,
): Promise<FleetResult> {
  const endMs = FAULT_MS + (scenario.lastsMs ?? LASTS_MS);
  const clock = new VirtualClock();
  const watch = new Watch(() => proxy.inspect()[0]!.endpoints.list());
  const fleet = new Fleet(scenario.size, model, clock, seeded(seed + 1));
  const proxy: SimulatedProxy = new SimulatedProxy(
    readConfig({
      target: FLEET_TARGET,
      timeout: { attempt: `${ATTEMPT_TIMEOUT_MS}ms` },
      ...variant.keys,
    }),
    {
      clock,
      seed,
      lookup: fleet.lookup,
      serverAt: fleet.serverAt,
      sink: { scope: () => watch.onEvent },
    },
  );
  if (variant.isOmniscient) {
    const { endpoints } = proxy.inspect()[0]!;
    fleet.onChange = (endpoint, isUp) => {
      if (isUp) endpoints.undrain(endpoint);
      else endpoints.drain(endpoint, Infinity);
    };
  }
  const recorder = new Recorder([
    { name: 'all', fromMs: FAULT_MS, toMs: endMs },
    { name: 'later', fromMs: FAULT_MS + 2000, toMs: endMs },
  ]);
  const callers = { name: 'all', perSecond: scenario.callsPerSecond, patienceMs: PATIENCE_MS };
  const send: Send = (request, onResponse) => proxy.send(UPSTREAM, request, onResponse);
  keepCalling(callers, send, clock, recorder, seeded(seed + 1000));
  scenario.arrange(fleet);
  await clock.run(endMs);
  const { deadRequests } = fleet;
  const { circuitOpenings, ejections, mostEjected, panics } = watch;
  // Calls that began before the end belong to the result however long they take.
  await clock.run(endMs + PATIENCE_MS);
  return {
    calls: recorder.ofAll(0),
    later: recorder.ofAll(1),
    deadAttempts: deadRequests,
    circuitOpenings,
    ejections,
    mostEjected,
    panics,
  };
}

/** Counts what the upstream tells. */
class Watch {
  circuitOpenings = 0;
  ejections = 0;
  mostEjected = 0;
  panics = 0;
  readonly #list: () => readonly EndpointSnapshot[];

  constructor(list: () => readonly EndpointSnapshot[]) {
    this.#list = list;
  }

  readonly onEvent = (event: Event): void => {
    const known = event as EndpointEvent | CircuitMoved;
    switch (known.type) {
      case 'circuit-moved':
        if (known.to === 'open') this.circuitOpenings += 1;
        return;
      case 'endpoint-ejected':
        this.ejections += 1;
        this.mostEjected = Math.max(
          this.mostEjected,
          this.#list().filter(({ state }) => state === 'ejected').length,
        );
        return;
      case 'endpoints-panicked':
        this.panics += 1;
        return;
      default:
        return;
    }
  };
}
