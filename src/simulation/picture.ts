/** The course of a simulation in lines of block characters, one column per stretch of time. */
import type { Figures, Tally } from './figures.js';

/** From nothing to full, in eighths. */
const BLOCKS = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;

const CIRCUITS: Readonly<Record<string, string>> = {
  closed: '.',
  open: 'O',
  'half-open': 'h',
  'forced-open': 'O',
  'forced-closed': '.',
};

const LABEL_WIDTH = 16;

/** @returns a character per value; anything above 0 can be seen. */
export function drawBars(values: readonly number[], full: number): string {
  const top = BLOCKS.length - 1;
  return values
    .map((value) => {
      const height = full === 0 ? 0 : Math.round((value / full) * top);
      return BLOCKS[value > 0 ? Math.max(1, height) : 0]!;
    })
    .join('');
}

const format = (value: number): string =>
  value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toPrecision(2);

/** Calls and attempts on one scale, latencies on another one; each line says what its highest column is. */
export function drawPicture(figures: Figures): string {
  const { stretches, stretchMs, circuits, phases } = figures;
  const perSecond = (count: (tally: Tally) => number) =>
    stretches.map((tally) => (count(tally) * 1000) / stretchMs);
  const calls: [string, number[]][] = [
    ['offered/s', perSecond(({ offered }) => offered)],
    ['good/s', perSecond(({ counts }) => counts.good)],
    ['degraded/s', perSecond(({ counts }) => counts.degraded)],
    ['refused/s', perSecond(({ counts }) => counts.refused)],
    ['failed/s', perSecond(({ counts }) => counts.failed)],
    ['upstream/s', perSecond(({ upstreamCalls }) => upstreamCalls)],
  ];
  const full = Math.max(...calls.flatMap(([, values]) => values));
  const latencies = stretches.map((tally) => tally.latencyMs(99) ?? 0);
  const lines = calls
    .filter(([label, values]) => label === 'offered/s' || values.some((value) => value > 0))
    .map(([label, values]) => line(label, drawBars(values, full), Math.max(...values)));
  const slowest = Math.max(...latencies);
  lines.push(line('p99 ms', drawBars(latencies, slowest), slowest));
  for (const route of circuits[0]?.keys() ?? []) {
    const states = circuits.map((seen) => CIRCUITS[seen.get(route) ?? ''] ?? '?').join('');
    lines.push(line(route === '' ? 'circuit' : `circuit ${route}`, states));
  }
  const scale = phases
    .map(({ fromMs }) => [Math.round(fromMs / stretchMs), `|${seconds(fromMs)}`] as const)
    .reduce((text, [column, mark]) => text.slice(0, column).padEnd(column) + mark, '');
  lines.push(' '.repeat(LABEL_WIDTH) + scale);
  return `${lines.join('\n')}\n`;
}

function line(label: string, drawn: string, highest?: number): string {
  const note = highest === undefined ? '' : ` up to ${format(highest)}`;
  const name = label.length < LABEL_WIDTH ? label : `${label.slice(0, LABEL_WIDTH - 2)}~`;
  return name.padEnd(LABEL_WIDTH) + drawn + note;
}

/** `30 s`, `1.25 s` */
export const seconds = (ms: number): string => `${Number((ms / 1000).toFixed(2))} s`;
