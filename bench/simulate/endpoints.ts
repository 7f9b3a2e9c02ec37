/** Finds what ejection is worth: against the circuit alone, and against knowing at each instant which endpoint works. */
import { playFleet, type FleetResult, type FleetScenario, type Variant } from './fleet/play.js';
import { fleetScenarios, variants } from './fleet/scenarios.js';
import type { Tally } from './recorder.js';
import type { Row, Simulation } from './simulation.js';

export interface Played {
  readonly scenario: FleetScenario;
  readonly variant: Variant;
  readonly result: FleetResult;
}

/** Each scenario with each variant. */
export async function playAll(seed: number): Promise<readonly Played[]> {
  const played: Played[] = [];
  for (const scenario of fleetScenarios) {
    for (const variant of variants) {
      played.push({ scenario, variant, result: await playFleet(scenario, variant, seed) });
    }
  }
  return played;
}

const goodShare = ({ good, offered }: Tally) => `${((100 * good) / offered).toFixed(2)}%`;
const ms = (value: number) => Math.round(value);

export function toRow({ scenario, variant, result }: Played): Row {
  const { calls, later, deadAttempts, circuitOpenings, ejections, mostEjected } = result;
  return {
    'what happens': scenario.name,
    'what acts': variant.name,
    good: goodShare(calls),
    'good after 2 s': goodShare(later),
    'p50 ms': ms(calls.latencyMs(0.5)),
    'p99 ms': ms(calls.latencyMs(0.99)),
    'slowest ms': ms(calls.slowestMs),
    'attempts at dead endpoints': deadAttempts,
    'circuit openings': circuitOpenings,
    ejections,
    'at once': mostEjected,
  };
}

export const endpoints: Simulation = {
  name: 'endpoints',
  what: 'Some or all endpoints of an upstream stop working: ejection, the circuit alone, and ideal knowledge.',
  run: async () => (await playAll(1)).map(toRow),
};
