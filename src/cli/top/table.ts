/** The table of upstreams: as many columns as there is room for. */
import type { Row, TroubleState } from '../../core/live.js';
import { cellsOf, type Cells } from '../../admin/page/facts.js';
import { lookOf, TROUBLE, type Known } from '../../admin/page/model.js';
import { clean, cut, lengthOf, padEnd, padStart, paint, type Colour, type Style } from './text.js';

interface Column {
  readonly cell: keyof Cells;
  readonly title: string;
  /** The last ones are left out first. */
  readonly rank: number;
}

const columns: readonly Column[] = [
  { cell: 'calls', title: 'Calls/s', rank: 1 },
  { cell: 'good', title: 'Good', rank: 2 },
  { cell: 'degraded', title: 'Fallb.', rank: 6 },
  { cell: 'p50', title: 'p50', rank: 8 },
  { cell: 'p95', title: 'p95', rank: 9 },
  { cell: 'p99', title: 'p99', rank: 3 },
  { cell: 'attempts', title: 'Att.', rank: 4 },
  { cell: 'slots', title: 'Slots', rank: 5 },
  { cell: 'budget', title: 'Budget', rank: 10 },
  { cell: 'endpoints', title: 'Endp.', rank: 7 },
];

/** A name is not cut to less than this for a further column. */
const NAME = 20;

/** Less room is not used for the last error. */
const ERROR = 25;

const colours: Readonly<Partial<Record<TroubleState, Colour>>> = {
  open: 'red',
  'forced-open': 'magenta',
  failing: 'red',
  'no-endpoint': 'red',
  'half-open': 'yellow',
  full: 'yellow',
  degraded: 'yellow',
  'no-retries': 'yellow',
  'endpoints-out': 'yellow',
  'forced-closed': 'magenta',
  good: 'green',
  idle: 'dim',
};

export const colourOf = ({ trouble }: Row): Colour | undefined => colours[trouble.state];

/** `■ open` */
export function stateOf({ trouble }: Row, style: Style): string {
  const { word, sign } = lookOf(trouble.state);
  const ascii = trouble.weight >= TROUBLE ? '!' : ' ';
  return clean(`${style.isUtf8 ? sign : ascii} ${word}`, style);
}

interface Line {
  readonly state: string;
  readonly name: string;
  readonly cells: Cells;
  readonly colour: Colour | undefined;
}

const widest = (texts: readonly string[]) =>
  texts.reduce((most, text) => Math.max(most, lengthOf(text)), 0);

/** @param at the time of the message. @returns the head, and a line per upstream. */
export function renderTable(upstreams: readonly Known[], at: string, style: Style): string[] {
  const lines = upstreams.map(({ row }): Line => ({
    state: stateOf(row, style),
    name: clean(row.name, style),
    cells: cellsOf(row, at),
    colour: colourOf(row),
  }));
  const stateWidth = widest(['State', ...lines.map(({ state }) => state)]);
  const longestName = widest(['Upstream', ...lines.map(({ name }) => name)]);
  const widthOf = ({ cell, title }: Column) =>
    widest([title, ...lines.map(({ cells }) => clean(cells[cell], style))]);

  let room = style.columns - stateWidth - 2 - Math.min(longestName, NAME);
  const shown = new Map<Column, number>();
  for (const column of columns.toSorted((a, b) => a.rank - b.rank)) {
    const width = widthOf(column);
    room -= width + 2;
    if (room < 0) break;
    shown.set(column, width);
  }
  const used = [...shown.values()].reduce((sum, width) => sum + width + 2, stateWidth + 2);
  const nameWidth = Math.max(1, Math.min(longestName, style.columns - used));
  const errorWidth = style.columns - used - nameWidth - 2;
  const hasErrors = errorWidth >= ERROR;

  const join = (state: string, name: string, textOf: (column: Column) => string, error: string) => {
    const numbers = columns
      .filter((column) => shown.has(column))
      .map((column) => padStart(clean(textOf(column), style), shown.get(column)!));
    const own = [padEnd(cut(name, nameWidth, style), nameWidth), ...numbers];
    if (hasErrors) own.push(cut(clean(error, style), errorWidth, style));
    return `${state}  ${own.join('  ')}`.trimEnd();
  };
  const head = join(padEnd('State', stateWidth), 'Upstream', ({ title }) => title, 'Last error');
  return [
    paint(cut(head, style.columns, style), 'bold', style),
    ...lines.map(({ state, name, cells, colour }) =>
      join(
        paint(padEnd(state, stateWidth), colour, style),
        name,
        ({ cell }) => cells[cell],
        cells.lastError,
      ),
    ),
  ];
}
