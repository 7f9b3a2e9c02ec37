/** Whether a simulation says what then happens. */
import type { CountedPhase, Figures } from '../../src/simulation/figures.js';

/** What is compared, over all phases. */
export interface Totals {
  readonly offered: number;
  readonly good: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly failed: number;
  readonly attemptsPerCall: number;
  /** In the phase before the fault, and in it; null where no call was good. */
  readonly p50Ms: readonly (number | null)[];
}

export function totalsOf(figures: Figures): Totals {
  const phases = figures.list().map((phase: CountedPhase) => phase.figures);
  const sum = (of: (phase: (typeof phases)[number]) => number) =>
    phases.reduce((total, phase) => total + of(phase), 0);
  const reasons = [...new Set(phases.flatMap(({ refused }) => Object.keys(refused)))];
  const offered = sum((phase) => phase.offered);
  return {
    offered,
    good: sum(({ good }) => good),
    refused: Object.fromEntries(
      reasons.map((reason) => [reason, sum(({ refused }) => refused[reason] ?? 0)]),
    ),
    failed: sum(({ failed }) => failed),
    attemptsPerCall: sum((phase) => phase.attemptsPerCall * phase.offered) / offered,
    p50Ms: phases.slice(0, 2).map(({ p50Ms }) => p50Ms),
  };
}

/** A figure of both, and how far they may be apart. */
export interface Compared {
  readonly figure: string;
  readonly simulated: number;
  readonly live: number;
  readonly limit: number;
}

const COUNTS = 0.1;
const LATENCIES = 0.15;
/** Fewer calls than this of a thousand say nothing: a single one more is a large share. */
const FEW = 0.01;

/** @param serverMs what the live server took by itself before the fault: the machine makes it longer, too. */
export function compare(simulated: Totals, live: Totals, serverMs: number): Compared[] {
  const few = FEW * simulated.offered;
  const reasons = [...new Set([...Object.keys(simulated.refused), ...Object.keys(live.refused)])];
  const refusals = reasons.map((reason) => ({
    figure: `refused: ${reason}`,
    simulated: simulated.refused[reason] ?? 0,
    live: live.refused[reason] ?? 0,
    limit: COUNTS,
  }));
  const latencies = ['p50 before, ms', 'p50 during, ms'].map((figure, i) => ({
    figure,
    simulated: simulated.p50Ms[i] ?? 0,
    live: live.p50Ms[i] ?? 0,
    limit: LATENCIES,
  }));
  return [
    { figure: 'good', simulated: simulated.good, live: live.good, limit: COUNTS },
    ...refusals.filter((each) => Math.max(each.simulated, each.live) >= few),
    {
      figure: 'attempts per call',
      simulated: simulated.attemptsPerCall,
      live: live.attemptsPerCall,
      limit: COUNTS,
    },
    {
      figure: 'p50 before, of the server alone, ms',
      simulated: simulated.p50Ms[0] ?? 0,
      live: serverMs,
      limit: Infinity,
    },
    ...latencies.filter((each) => Math.max(each.simulated, each.live) > 0),
  ];
}

/** How far the simulation is off, as a share of what happened. */
export const differenceOf = ({ simulated, live }: Compared): number =>
  live === 0 ? (simulated === 0 ? 0 : Infinity) : simulated / live - 1;

export const isWithin = (compared: Compared): boolean =>
  Math.abs(differenceOf(compared)) <= compared.limit;
