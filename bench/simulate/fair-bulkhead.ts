/** Finds what one caller's flood does to the others, with one line for all and with `bulkhead.perKey`. */
import type { Callers } from './callers.js';
import { lognormal } from '../../src/simulation/chance.js';
import type { Tally } from './recorder.js';
import { simulate, type PhaseResult, type Row, type Simulation } from './simulation.js';

export const POLITE = Array.from({ length: 8 }, (_, i) => `polite-${i + 1}`);

const WARM_UP_MS = 10_000;
/** What a polite caller sends, and what the flooder does: a hundred times as much, five times what there is. */
const PER_SECOND = 20;
const FLOOD_PER_SECOND = 2000;

const headersOf = (name: string) => ['X-User-Id', name];

/** @param stretchMs how long it is calm, and how long the flood lasts. */
export function runOnce(
  perKey: unknown,
  seed: number,
  stretchMs = 30_000,
): Promise<readonly PhaseResult[]> {
  const floodAtMs = WARM_UP_MS + stretchMs;
  const polite = POLITE.map((name): Callers => ({
    name,
    perSecond: PER_SECOND,
    patienceMs: 2000,
    headers: headersOf(name),
  }));
  const flooder: Callers = {
    name: 'flooder',
    perSecond: (nowMs) => (nowMs < floodAtMs ? 0 : FLOOD_PER_SECOND),
    patienceMs: 2000,
    headers: headersOf('flooder'),
  };
  return simulate({
    seed,
    policies: {
      bulkhead: { maxConcurrent: 20, maxQueue: 50, queueTimeout: '1s', perKey },
      retry: 'off',
      circuitBreaker: 'off',
    },
    upstream: { servers: 20, serviceMs: lognormal(50, 0.5), latencyMs: 5 },
    callers: [...polite, flooder],
    phases: [
      { name: 'before', fromMs: WARM_UP_MS, toMs: floodAtMs },
      { name: 'flood', fromMs: floodAtMs + 1000, toMs: floodAtMs + 1000 + stretchMs },
    ],
  });
}

/** The polite callers together; p50 and p99 of the one that is worst off, because all are alike. */
function describe(setting: string, who: string, phase: PhaseResult, tallies: Tally[]): Row {
  const sum = (figure: (tally: Tally) => number) =>
    Number(tallies.reduce((total, tally) => total + figure(tally), 0).toFixed(1));
  const worst = (share: number) => {
    const latency = Math.max(...tallies.map((tally) => tally.latencyMs(share)));
    return Number.isNaN(latency) ? '-' : Number(latency.toFixed(1));
  };
  const overloaded = phase.upstream.overloadedMs / 1000 / phase.seconds;
  return {
    perKey: setting,
    phase: phase.name,
    callers: who,
    'offered/s': sum((tally) => tally.offeredPerSecond),
    'goodput/s': sum((tally) => tally.goodput),
    'p50 ms': worst(0.5),
    'p99 ms': worst(0.99),
    'rejected/s': sum((tally) => tally.rejectedPerSecond),
    'failed/s': sum((tally) => tally.failedPerSecond),
    'upstream overloaded': `${(overloaded * 100).toFixed(0)}%`,
  };
}

export const fairBulkhead: Simulation = {
  name: 'fair-bulkhead',
  what: 'Eight polite callers and one that floods: one line for all against bulkhead.perKey.',
  async run() {
    const rows: Row[] = [];
    for (const [setting, perKey] of [
      ['off', 'off'],
      ['5 of 20', { maxConcurrent: 5 }],
    ] as const) {
      const [before, flood] = await runOnce(perKey, 1);
      const polite = (phase: PhaseResult) => POLITE.map((name) => phase.callsOf(name));
      rows.push(
        describe(setting, 'polite', before!, polite(before!)),
        describe(setting, 'polite', flood!, polite(flood!)),
        describe(setting, 'flooder', flood!, [flood!.callsOf('flooder')]),
      );
    }
    return rows;
  },
};
