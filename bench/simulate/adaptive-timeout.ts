/** Finds what a timeout that is learned is worth, against a patient and a tight one that stand still. */
import { constant, lognormal, mixed } from '../../src/simulation/chance.js';
import {
  describePhase,
  simulate,
  type PhaseResult,
  type Row,
  type Simulation,
} from './simulation.js';

/** The policies' `timeout` to compare, by what the table calls them. */
export const timeouts = {
  '10s': { attempt: '10s' },
  '250ms': { attempt: '250ms', connect: '100ms' },
  adaptive: {
    attempt: '10s',
    adaptive: { percentile: 95, multiplier: 2, min: '100ms', max: '10s' },
  },
} as const;

/** Two in a hundred requests get no response in time. */
const responsesAfter = (meanMs: number) => mixed(lognormal(meanMs, 0.5), constant(20_000), 0.02);

export function runOnce(
  name: keyof typeof timeouts,
  seed: number,
): Promise<readonly PhaseResult[]> {
  return simulate({
    seed,
    policies: { timeout: timeouts[name] },
    // Capacity to spare: what is seen here is due to the timeouts alone.
    upstream: { servers: 100, serviceMs: responsesAfter(50), latencyMs: 5 },
    changes: [
      { atMs: 60_000, to: { serviceMs: responsesAfter(250) } },
      { atMs: 150_000, to: { serviceMs: responsesAfter(50) } },
    ],
    callers: [{ name: 'all', perSecond: 50, patienceMs: 30_000 }],
    phases: [
      { name: 'before', fromMs: 20_000, toMs: 60_000 },
      // As long as a circuit that opens because of it stays open, and a little more.
      { name: '5 times slower, first 40 s', fromMs: 60_000, toMs: 100_000 },
      { name: '5 times slower, from then on', fromMs: 100_000, toMs: 150_000 },
      { name: 'as before, first 10 s', fromMs: 150_000, toMs: 160_000 },
      { name: 'as before, from then on', fromMs: 160_000, toMs: 210_000 },
    ],
    watch: ({ timeout }) => timeout!.attemptMs!,
  });
}

export const adaptiveTimeout: Simulation = {
  name: 'adaptive-timeout',
  what: 'Two in a hundred requests hang, and for 90 s all take five times as long: fixed timeouts against timeout.adaptive.',
  async run() {
    const rows: Row[] = [];
    for (const name of Object.keys(timeouts) as (keyof typeof timeouts)[]) {
      for (const phase of await runOnce(name, 1)) {
        const { watched = '', ...figures } = describePhase(phase);
        rows.push({ attempt: name, ...figures, 'timeout ms': watched });
      }
    }
    return rows;
  },
};
