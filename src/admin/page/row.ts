/** One row of the table, and the row below it that opens with its details. */
import { Detail } from './detail.js';
import { h, setClass, setText } from './dom.js';
import { cellsOf } from './facts.js';
import { describeFaults, NONE } from './format.js';
import type { Row } from '../../core/live.js';
import { TROUBLE, words, type Known, type Model } from './model.js';
import { createStrip, drawStrip, type Palette } from './strip.js';

const columns = [
  'State',
  'Upstream',
  'Calls/s',
  'Good',
  'Fallback',
  'p50 / p95 / p99',
  'Att./call',
  'Slots',
  'Budget',
  'Endpoints',
  'Last error',
  '15 minutes',
] as const;

let count = 0;

export class RowView {
  readonly element: HTMLTableRowElement;
  readonly below: HTMLTableRowElement;
  /** With roles, because the style sheet makes cards of rows where there is little room. */
  readonly #cells: readonly HTMLTableCellElement[];
  readonly #sign = h('span', { class: 'sign', 'aria-hidden': 'true' });
  readonly #word = h('span', { class: 'word' });
  readonly #name = h('span');
  readonly #target = h('span', { class: 'target' });
  readonly #why = h('span', { class: 'why' });
  readonly #button: HTMLButtonElement;
  readonly #strip = createStrip();
  readonly #place = h('td', { role: 'cell', colspan: columns.length });
  readonly #model: Model;
  #detail: Detail | undefined;

  constructor(name: string, model: Model) {
    this.#model = model;
    const id = `detail-${count++}`;
    this.#button = h(
      'button',
      {
        type: 'button',
        class: 'name',
        'aria-expanded': 'false',
        'aria-controls': id,
        onclick: () => this.toggle(),
      },
      this.#name,
    );
    this.#cells = columns.map((label, i) =>
      h('td', { role: 'cell', 'data-label': label, class: i >= 2 && i <= 9 ? 'number' : '' }),
    );
    setText(this.#name, name);
    this.#cells[0]!.append(h('span', { class: 'state' }, this.#sign, this.#word));
    this.#cells[1]!.append(this.#button, this.#target, this.#why);
    this.#cells[11]!.append(this.#strip);
    this.element = h('tr', { role: 'row', class: 'row' }, ...this.#cells);
    this.below = h('tr', { role: 'row', class: 'below', id, hidden: true }, this.#place);
  }

  get isOpen(): boolean {
    return this.#detail !== undefined;
  }

  toggle(): void {
    if (this.#detail === undefined) {
      this.#detail = new Detail(this.#name.textContent, this.#model);
      this.#place.replaceChildren(this.#detail.element);
    } else {
      this.close();
    }
    this.#button.setAttribute('aria-expanded', String(this.isOpen));
    this.below.hidden = !this.isOpen;
  }

  /** Ends what runs for the details. */
  close(): void {
    this.#detail?.close();
    this.#detail = undefined;
    this.#place.replaceChildren();
  }

  focus(): void {
    this.#button.focus();
    this.#button.scrollIntoView({ block: 'center' });
  }

  update({ row, history }: Known, at: string, palette: Palette): void {
    const { trouble } = row;
    const { word, sign } = words[trouble.state];
    setClass(this.element, `row ${trouble.state}${trouble.weight >= TROUBLE ? ' trouble' : ''}`);
    setText(this.#sign, sign);
    setText(this.#word, word);
    setText(this.#target, row.target);
    const why = [trouble.why, describeShadow(row), describeFaults(row, at)];
    setText(this.#why, why.filter(Boolean).join(' '));
    for (const [i, text] of describe(row, at).entries()) setText(this.#cells[i + 2]!, text);
    drawStrip(this.#strip, history, palette);
    this.#detail?.update(row, history);
  }
}

function describeShadow({ shadow }: Row): string {
  const policies = [...new Set(shadow.map(({ policy }) => policy))];
  return policies.length === 0 ? '' : `In shadow: ${policies.join(', ')}.`;
}

/** The cells between the name and the strip. */
function describe(row: Row, at: string): string[] {
  const { p50, p95, p99, ...cells } = cellsOf(row, at);
  return [
    cells.calls,
    cells.good,
    cells.degraded,
    row.latencyMs === null ? NONE : `${p50} / ${p95} / ${p99}`,
    cells.attempts,
    cells.slots,
    cells.budget,
    cells.endpoints,
    cells.lastError,
  ];
}
