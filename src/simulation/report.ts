/** What a simulation came to, as text for people and as JSON for scripts. */
import type { CountedPhase } from './figures.js';
import { drawPicture, seconds } from './picture.js';
import type { SimulatedFile } from './run.js';

export interface Report {
  readonly upstream: string;
  readonly scenario: string;
  readonly seed: number;
  /** The file, and the one that it is compared with. */
  readonly files: readonly SimulatedFile[];
}

export function formatJson({ upstream, scenario, seed, files }: Report): string {
  const listed = files.map(({ file, figures }) => ({
    file,
    phases: figures.list().map((phase) => phase.figures),
  }));
  return `${JSON.stringify({ upstream, scenario, seed, files: listed }, undefined, 2)}\n`;
}

/** A line of a table: what it is about, and a cell per column. */
type Row = readonly string[];

/** @param intro lines about what is simulated. @param notes what it leaves out. */
export function formatText(
  { files }: Report,
  intro: readonly string[],
  notes: readonly string[],
): string {
  const parts = [intro.join('\n')];
  if (files.length === 1) {
    const [{ figures }] = files as [SimulatedFile];
    const phases = figures.list();
    parts.push(formatTable(['', ...phases.map(headingOf)], rowsOf(phases)));
    parts.push(drawPicture(figures));
  } else {
    const lists = files.map(({ figures }) => figures.list());
    for (const [i, first] of lists[0]!.entries()) {
      const { name, fromMs, toMs } = first.figures;
      const heading = `${name}, ${seconds(fromMs)} to ${seconds(toMs)}`;
      const columns = [heading, ...files.map(({ file }) => file)];
      parts.push(formatTable(columns, rowsOf(lists.map((list) => list[i]!))));
    }
    for (const { file, figures } of files) parts.push(`${file}\n${drawPicture(figures)}`);
  }
  parts.push(
    `Circuit: . closed, O open, h half-open. Each column of a picture is ${seconds(files[0]!.figures.stretchMs)}.\n`,
  );
  if (notes.length > 0)
    parts.push(`Not simulated:\n${notes.map((note) => `- ${note}\n`).join('')}`);
  return parts.join('\n');
}

const headingOf = ({ figures: { name, fromMs, toMs } }: CountedPhase) =>
  `${name} ${seconds(fromMs).slice(0, -2)}-${seconds(toMs)}`;

const ms = (value: number | null) => (value === null ? '-' : `${value} ms`);

const sum = (counts: Readonly<Record<string, number>>) =>
  Object.values(counts).reduce((total, count) => total + count, 0);

function rowsOf(phases: readonly CountedPhase[]): Row[] {
  const row = (label: string, cell: (phase: CountedPhase) => string): Row => [
    label,
    ...phases.map(cell),
  ];
  const reasons = (of: (phase: CountedPhase) => Readonly<Record<string, number>>) =>
    [...new Set(phases.flatMap((phase) => Object.keys(of(phase))))].map((reason) =>
      row(`  ${reason}`, (phase) => String(of(phase)[reason] ?? 0)),
    );
  const shadow = reasons((phase) => phase.shadow);
  const shadowRows =
    shadow.length === 0 ? [] : [row('in shadow', (phase) => String(phase.inShadow)), ...shadow];
  return [
    row('offered', ({ figures }) => String(figures.offered)),
    row('good', ({ figures }) => withShare(figures.good, figures.offered)),
    row('degraded', ({ figures }) => String(figures.degraded)),
    row('refused', ({ figures }) => String(sum(figures.refused))),
    ...reasons(({ figures }) => figures.refused),
    row('failed', ({ figures }) => String(figures.failed)),
    ...reasons(({ failures }) => failures),
    ...shadowRows,
    row('p50', ({ figures }) => ms(figures.p50Ms)),
    row('p99', ({ figures }) => ms(figures.p99Ms)),
    row('attempts per call', ({ figures }) => figures.attemptsPerCall.toFixed(2)),
    row('upstream calls', ({ figures }) => String(figures.upstreamCalls)),
  ];
}

const withShare = (count: number, total: number) =>
  total === 0 ? String(count) : `${count} (${((100 * count) / total).toFixed(1)}%)`;

function formatTable(headings: Row, rows: readonly Row[]): string {
  const all = [headings, ...rows];
  const widths = headings.map((_, i) => Math.max(...all.map((row) => row[i]!.length)));
  return all
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]! + 2)))
        .join('')
        .trimEnd(),
    )
    .map((text) => `${text}\n`)
    .join('');
}
