/** What opens below a row: everything that is known of one upstream, read again while it is open. */
import type { Row } from '../../core/live.js';
import { ask, copy } from './actions.js';
import { Charts } from './charts.js';
import { h, table } from './dom.js';
import { formatAge, formatMs, formatTime } from './format.js';
import type { History, Model } from './model.js';
import { story } from './story.js';
import { asPromQl, asText } from './text.js';

interface Endpoint {
  readonly address: string;
  readonly target: string;
  readonly weight: number;
  readonly state: string;
  readonly active: number;
  readonly consecutiveFailures: number;
  readonly backInMs: number;
}

interface News {
  readonly at: string;
  readonly route: string;
  readonly message: string;
  readonly fields: {
    readonly from?: string;
    readonly to?: string;
    readonly rule?: string;
    readonly observed?: number;
    readonly threshold?: number;
  };
}

interface FailedCall {
  readonly at: string;
  readonly route: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly reason: string;
  readonly fallback: string | null;
  readonly outcomes: readonly string[];
  readonly endpoints: readonly string[];
  readonly durationMs: number;
  readonly error: string | null;
}

/** As `GET /upstreams/NAME` has it. */
interface Known extends Row {
  readonly endpointList: readonly Endpoint[];
  readonly counts: {
    readonly since: string;
    readonly calls: number;
    readonly good: number;
    readonly left: number;
    readonly notGood: Readonly<Record<string, number>>;
    readonly attempts: Readonly<Record<string, number>>;
  };
  readonly routes: readonly {
    readonly route: string;
    readonly calls: number;
    readonly failed: number;
    readonly refused: number;
    readonly degraded: number;
  }[];
  readonly transitions: readonly News[];
  readonly news: readonly News[];
  readonly failures: readonly FailedCall[];
  readonly metrics: Readonly<Record<string, string>>;
}

/** Between two readings, in ms. */
const REFRESH_MS = 2000;

const own = (route: string) => (route === '' ? '(the upstream)' : route);
const shares = new Set(['failureRate', 'slowCall']);
const amount = (rule: string | undefined, value: number | undefined) => {
  if (value === undefined) return '';
  if (rule === 'recoveryTimeout') return formatMs(value);
  return rule !== undefined && shares.has(rule) ? `${Math.round(value * 100)}%` : String(value);
};

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
      if (!isInUse) this.#body.replaceChildren(...this.#panels(this.#known));
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
      button('Copy as text', () => asText(this.#model.upstreams.get(this.#name)!.row, this.#model.at)),
      button('Copy as PromQL', () => asPromQl(this.#known?.metrics ?? {})),
      button('Copy as curl', () => `curl '${location.origin}/upstreams/${encodeURIComponent(this.#name)}'`),
    );
  }

  #panels(known: Known): HTMLElement[] {
    const { at } = this.#model;
    const { counts } = known;
    const panel = (title: string, ...content: Node[]) => h('section', {}, h('h3', {}, title), ...content);
    const pairs = (counted: Readonly<Record<string, number>>) =>
      Object.entries(counted)
        .filter(([, count]) => count > 0)
        .map(([name, count]) => [name, count.toLocaleString('en')]);
    return [
      panel('Circuits', this.#circuits(known)),
      panel('Endpoints', this.#endpoints(known)),
      panel(
        'Calls',
        h('p', {}, `${counts.calls.toLocaleString('en')} calls since ${formatAge(counts.since, at)}, ${counts.good.toLocaleString('en')} good; ${counts.left.toLocaleString('en')} clients gave up.`),
        table(['Not good', 'Calls'], pairs(counts.notGood), 'All were good.'),
      ),
      panel('Attempts', table(['Outcome', 'Attempts'], pairs(counts.attempts), 'There were none.')),
      panel(
        'Routes',
        table(
          ['Route', 'Calls', 'Failed', 'Refused', 'Fallback'],
          known.routes.map((each) => [own(each.route), ...[each.calls, each.failed, each.refused, each.degraded].map((count) => count.toLocaleString('en'))]),
          'None was called.',
        ),
      ),
      panel(
        'Last moves of circuits',
        table(
          ['When', 'Whose', 'From', 'To', 'Rule', 'Observed', 'Limit'],
          known.transitions.map(({ at: when, route, fields }) => [
            formatTime(when), own(route), fields.from ?? '', fields.to ?? '', fields.rule ?? '',
            amount(fields.rule, fields.observed), amount(fields.rule, fields.threshold),
          ]),
          'None moved.',
        ),
      ),
      panel(
        'Last failed calls',
        table(
          ['When', 'Request', 'Status', 'Attempts', 'Endpoints', 'Took', 'Why'],
          known.failures.map((each) => [
            formatTime(each.at), `${each.method} ${each.path}`, `${each.status} ${each.reason}${each.fallback === null ? '' : ` (fallback ${each.fallback})`}`,
            each.outcomes.join(', ') || 'none', each.endpoints.join(', '), formatMs(each.durationMs), each.error ?? '',
          ]),
          'None failed.',
        ),
      ),
      panel('Other news', table(['When', 'What'], known.news.map((each) => [formatTime(each.at), each.message]), 'There is none.')),
    ];
  }

  #circuits({ circuits }: Known): HTMLElement {
    const { at } = this.#model;
    return table(
      ['Whose', 'State', 'For', 'In a row', 'Failure rate', ''],
      circuits.map(({ route, state, since, consecutiveFailures, failureRate }) => [
        own(route),
        state,
        formatAge(since, at).replace(' ago', ''),
        String(consecutiveFailures),
        failureRate === null ? '–' : `${Math.round(failureRate * 100)}%`,
        h('button', { type: 'button', onclick: () => this.#force(route, state) }, 'Force…'),
      ]),
      'The circuit breaker is off.',
    );
  }

  #force(route: string, state: string): void {
    const path = [this.#name, ...(route === '' ? [] : [route])].map(encodeURIComponent).join('/');
    const isForced = state.startsWith('forced');
    ask({
      title: `Circuit of ${this.#name}${route === '' ? '' : ` / ${route}`}`,
      effect: 'forced-open refuses all calls, forced-closed lets all through; auto leaves it to the circuit breaker again.',
      method: 'PUT',
      path: `/circuits/${path}`,
      states: isForced ? ['auto', 'forced-open', 'forced-closed'] : ['forced-open', 'forced-closed', 'auto'],
      needsToken: this.#model.process?.needsToken ?? false,
    });
  }

  #endpoints({ endpointList }: Known): HTMLElement {
    return table(
      ['Address', 'State', 'Back in', 'Weight', 'In flight', 'Failures in a row', ''],
      endpointList.map((each) => [
        each.address,
        each.state,
        each.backInMs > 0 ? formatMs(each.backInMs) : '–',
        String(each.weight),
        String(each.active),
        String(each.consecutiveFailures),
        each.state === 'leaving' ? '' : h('button', { type: 'button', onclick: () => this.#drain(each) }, 'Drain…'),
      ]),
      'None is known yet: the name is looked up at the first call.',
    );
  }

  #drain({ address, state }: Endpoint): void {
    ask({
      title: `Endpoint ${address} of ${this.#name}`,
      effect: 'drained sends it no new calls; calls under way end. auto ends that.',
      method: 'PUT',
      path: `/endpoints/${encodeURIComponent(this.#name)}/${encodeURIComponent(address)}`,
      states: state === 'drained' ? ['auto', 'drained'] : ['drained', 'auto'],
      needsToken: this.#model.process?.needsToken ?? false,
    });
  }

  #explain(): HTMLElement {
    const input = h('input', { name: 'request', placeholder: 'GET /path', autocomplete: 'off', spellcheck: 'false' });
    const text = h('pre', { tabindex: 0, 'aria-label': 'Effective policy' });
    const form = h('form', { class: 'explain' }, h('label', {}, 'Request ', input), h('button', { type: 'submit' }, 'Explain'));
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
    const box = h('details', { class: 'policy' }, h('summary', {}, 'Policy in force, with where each value is from'), form, text);
    box.addEventListener('toggle', () => {
      if (box.open && text.textContent === '') void read();
    });
    return box;
  }
}
