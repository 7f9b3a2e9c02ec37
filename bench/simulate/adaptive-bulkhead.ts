/** Finds what a limit that follows the upstream is worth, against the best that stands still. */
import { lognormal } from '../../src/simulation/chance.js';
import {
  describePhase,
  simulate,
  type PhaseResult,
  type Row,
  type Scenario,
  type Simulation,
} from './simulation.js';

/** The settings that the search runs. */
const STATIC_LIMITS = [8, 10, 12, 14, 17, 20, 24, 28, 34, 40, 60, 100];

/** The bulkhead's options; retries and circuit stay out of the picture. */
export function scenario(
  bulkhead: Readonly<Record<string, unknown>>,
  overrides: Partial<Scenario> = {},
): Scenario {
  return {
    seed: 1,
    policies: {
      bulkhead: { maxQueue: 50, queueTimeout: '500ms', ...bulkhead },
      retry: 'off',
      circuitBreaker: 'off',
    },
    upstream: { servers: 20, serviceMs: lognormal(50, 0.5), latencyMs: 5, thrash: 0.2 },
    changes: [
      { atMs: 60_000, to: { servers: 10 } },
      { atMs: 120_000, to: { servers: 20 } },
    ],
    callers: [{ name: 'all', perSecond: 420, patienceMs: 1000 }],
    phases: [
      { name: 'before', fromMs: 20_000, toMs: 60_000 },
      { name: 'during', fromMs: 60_000, toMs: 120_000 },
      { name: 'after', fromMs: 120_000, toMs: 180_000 },
    ],
    watch: ({ bulkhead: layer }) => layer!.bulkhead.limit,
    ...overrides,
  };
}

/** The static limit with the most goodput, by phase. */
export async function searchBest(
  overrides: Partial<Scenario> = {},
  limits: readonly number[] = STATIC_LIMITS,
): Promise<readonly { readonly limit: number; readonly result: PhaseResult }[]> {
  const best: { limit: number; result: PhaseResult }[] = [];
  for (const limit of limits) {
    const results = await simulate(scenario({ maxConcurrent: limit }, overrides));
    for (const [i, result] of results.entries()) {
      const known = best[i];
      if (known === undefined || result.calls.goodput > known.result.calls.goodput) {
        best[i] = { limit, result };
      }
    }
  }
  return best;
}

export const adaptiveBulkhead: Simulation = {
  name: 'adaptive-bulkhead',
  what: 'An upstream loses half of its capacity for a minute: static limits against bulkhead.adaptive.',
  async run() {
    const rows: Row[] = [];
    const best = await searchBest();
    for (const { limit, result } of best) {
      rows.push({ 'bulkhead limit': `best static: ${limit}`, ...describePhase(result) });
    }
    for (const phase of await simulate(scenario({ maxConcurrent: 100 }))) {
      rows.push({ 'bulkhead limit': '100', ...describePhase(phase) });
    }
    for (const phase of await simulate(scenario({ maxConcurrent: 20, adaptive: {} }))) {
      rows.push({ 'bulkhead limit': 'adaptive', ...describePhase(phase) });
    }
    return rows;
  },
};
