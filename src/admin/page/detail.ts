/** What opens below a row: everything that is known of one upstream, read again while it is open. */
import type { Row } from '../../core/live.js';
import { copy } from './actions.js';
import { Charts } from './charts.js';
import { h } from './dom.js';
import type { History } from './history.js';
import type { Model } from './model.js';
import { listPanels, type Known } from './panels.js';
import { story } from './story.js';
import { asPromQl, asText } from './text.js';

/** Between two readings, in ms. */
const REFRESH_MS = 2000;

export class Detail {
  readonly element: HTMLElement;
  readonly #name: string;
  readonly #model: Model;
  readonly #charts: Charts;
  readonly #story = h('div');
  readonly #body = h('div', { class: 'panels' }, h('p', {}, 'Reading…'));
  readonly #copied = h('p', { role: 'status', class: 'result' });
  readonly #timer: number;
  #known: Known | undefined;
  #shown = '';

  constructor(name: string, model: Model) {
    this.#name = name;
    this.#model = model;
    this.#charts = new Charts(model.slotSeconds);
    this.element = h(
      'div',
      { class: 'detail', role: 'region', 'aria-label': `Details of ${name}` },
      this.#story,
      this.#buttons(),
      this.#copied,
      this.#charts.element,
      this.#body,
      this.#explain(),
    );
    this.#timer = window.setInterval(() => void this.#read(), REFRESH_MS);
    void this.#read();
  }

  update(row: Row, history: History): void {
    const text = JSON.stringify(row.trouble);
    if (text !== this.#shown) {
      this.#shown = text;
      this.#story.replaceChildren(...story(row, this.#model.at, undefined));
    }
    this.#charts.update(history, this.#model.at);
  }

  close(): void {
    window.clearInterval(this.#timer);
    this.#charts.close();
  }

  async #read(): Promise<void> {
    try {
      const response = await fetch(`/upstreams/${encodeURIComponent(this.#name)}`);
      if (!response.ok) throw new Error(`the proxy responded ${response.status}`);
      this.#known = (await response.json()) as Known;
      // A reader may be about to press one of its buttons.
      const isInUse = this.#body.contains(document.activeElement);
      if (!isInUse) this.#body.replaceChildren(...listPanels(this.#known, this.#model));
    } catch (error) {
      this.#body.replaceChildren(
        h('p', { class: 'none' }, `Cannot read the details because ${(error as Error).message}`),
      );
    }
  }

  #buttons(): HTMLElement {
    const button = (label: string, text: () => string) =>
      h('button', { type: 'button', onclick: () => copy(text(), this.#copied) }, label);
    return h(
      'div',
      { class: 'buttons' },
      button('Copy as text', () =>
        asText(this.#model.upstreams.get(this.#name)!.row, this.#model.at),
      ),
      button('Copy as PromQL', () => asPromQl(this.#known?.metrics ?? {})),
      button(
        'Copy as curl',
        () => `curl '${location.origin}/upstreams/${encodeURIComponent(this.#name)}'`,
      ),
    );
  }

  #explain(): HTMLElement {
    const input = h('input', {
      name: 'request',
      placeholder: 'GET /path',
      autocomplete: 'off',
      spellcheck: 'false',
    });
    const text = h('pre', { tabindex: 0, 'aria-label': 'Effective policy' });
    const form = h(
      'form',
      { class: 'explain' },
      h('label', {}, 'Request ', input),
      h('button', { type: 'submit' }, 'Explain'),
    );
    const read = async (): Promise<void> => {
      const query = input.value.trim() === '' ? '' : `?request=${encodeURIComponent(input.value)}`;
      const response = await fetch(`/explain/${encodeURIComponent(this.#name)}${query}`);
      text.textContent = response.ok
        ? await response.text()
        : ((await response.json()) as { detail: string }).detail;
    };
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void read();
    });
    const box = h(
      'details',
      { class: 'policy' },
      h('summary', {}, 'Policy in force, with where each value is from'),
      form,
      text,
    );
    box.addEventListener('toggle', () => {
      if (box.open && text.textContent === '') void read();
    });
    return box;
  }
}
