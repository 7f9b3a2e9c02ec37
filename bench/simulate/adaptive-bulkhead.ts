/** Finds what a limit that follows the upstream is worth, against the best that stands still. */
import { lognormal } from './chance.js';
import {
  describePhase,
  simulate,
  type PhaseResult,
  type Row,
  type Simulation,
} from './simulation.js';

export function runOnce(maxConcurrent: number, seed: number): Promise<readonly PhaseResult[]> {
  return simulate({
    seed,
    policies: {
      bulkhead: { maxConcurrent, maxQueue: 50, queueTimeout: '500ms' },
      retry: 'off',
      circuitBreaker: 'off',
    },
    upstream: { servers: 20, serviceMs: lognormal(50, 0.5), latencyMs: 5 },
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
    watch: ({ bulkhead }) => bulkhead!.bulkhead.limit,
  });
}

export const adaptiveBulkhead: Simulation = {
  name: 'adaptive-bulkhead',
  what: 'An upstream loses half of its capacity for a minute: static limits against bulkhead.adaptive.',
  async run() {
    const rows: Row[] = [];
    for (const maxConcurrent of [10, 20, 40, 100]) {
      for (const phase of await runOnce(maxConcurrent, 1)) {
        rows.push({ limit: maxConcurrent, ...describePhase(phase) });
      }
    }
    return rows;
  },
};
