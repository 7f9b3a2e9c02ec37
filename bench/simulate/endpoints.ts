/** Finds what ejection is worth: against the circuit alone, and against knowing at each instant which endpoint works. */
import { playFleet, type FleetResult } from './fleet/play.js';
import { fleetScenarios, variants } from './fleet/scenarios.js';
import type { Tally } from './recorder.js';
import type { Row, Simulation } from './simulation.js';

const goodShare = ({ good, offered }: Tally) => `${((100 * good) / offered).toFixed(2)}%`;
const ms = (value: number) => (Number.isNaN(value) ? '-' : Math.round(value));

function describe(scenario: string, variant: string, result: FleetResult): Row {
  const { calls, later, deadAttempts, circuitOpenings, ejections, panics } = result;
  return {
    scenario,
    upstream: variant,
    good: goodShare(calls),
    'good after 2 s': goodShare(later),
    'p50 ms': ms(calls.latencyMs(0.5)),
    'p99 ms': ms(calls.latencyMs(0.99)),
    'slowest ms': ms(calls.slowestMs),
    'attempts at dead endpoints': deadAttempts,
    'circuit openings': circuitOpenings,
    ejections,
    panics,
  };
}

export const endpoints: Simulation = {
  name: 'endpoints',
  what: 'Some or all endpoints of an upstream stop working: ejection and circuit, the circuit alone, and ideal knowledge.',
  async run() {
    const rows: Row[] = [];
    for (const scenario of fleetScenarios) {
      for (const variant of variants) {
        const result = await playFleet(scenario, variant, 1);
        rows.push(describe(scenario.name, variant.name, result));
      }
    }
    return rows;
  },
};
