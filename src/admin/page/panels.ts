/** The tables below an upstream's charts, and the buttons in them. */
import type { Row } from '../../core/live.js';
import { h, table } from './dom.js';
import { listFaults } from './faults.js';
import { formatAge, formatMs, formatTime, own } from './format.js';
import type { Model } from './model.js';
import { drain, force } from './overrides.js';

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
export interface Known extends Row {
  readonly endpointList: readonly Endpoint[];
  readonly counts: {
    readonly since: string;
    readonly calls: number;
    readonly good: number;
    readonly left: number;
    readonly notGood: readonly {
      readonly result: string;
      readonly status: number;
      readonly reason: string;
      readonly calls: number;
    }[];
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

const shares = new Set(['failureRate', 'slowCall']);
const amount = (rule: string | undefined, value: number | undefined) => {
  if (value === undefined) return '';
  if (rule === 'recoveryTimeout') return formatMs(value);
  return rule !== undefined && shares.has(rule) ? `${Math.round(value * 100)}%` : String(value);
};

const panel = (title: string, ...content: (Node | string)[]) =>
  h('section', {}, h('h3', {}, title), ...content);

const wide = (title: string, ...content: (Node | string)[]) =>
  h('section', { class: 'wide' }, h('h3', {}, title), ...content);

const pairs = (counted: Readonly<Record<string, number>>) =>
  Object.entries(counted)
    .filter(([, count]) => count > 0)
    .map(([what, count]) => [what, count.toLocaleString('en')]);

export function listPanels(known: Known, model: Model): HTMLElement[] {
  const { at } = model;
  const { counts, rateLimit } = known;
  return [
    panel('Circuits', listCircuits(known, model)),
    panel('Endpoints', listEndpoints(known, model)),
    panel(
      'Faults',
      ...listFaults(
        known,
        known.routes.map(({ route }) => route),
        model,
      ),
    ),
    panel(
      'Calls',
      h(
        'p',
        {},
        `${counts.calls.toLocaleString('en')} calls in ${formatAge(counts.since, at).replace(' ago', '')}, ${counts.good.toLocaleString('en')} good; ${counts.left.toLocaleString('en')} clients gave up.`,
      ),
      rateLimit === null
        ? ''
        : h(
            'p',
            {},
            `Rate limit: ${rateLimit.remaining} of ${rateLimit.burst} calls may come now${rateLimit.mode === 'shadow' ? '; in shadow, so none is refused' : ''}.`,
          ),
      table(
        ['Not good', 'Status', 'Reason', 'Calls'],
        counts.notGood.map(({ result, status, reason, calls }) => [
          result === 'degraded' ? 'on fallback' : result,
          String(status),
          reason || (result === 'degraded' ? 'response of the upstream' : '–'),
          calls.toLocaleString('en'),
        ]),
        'All were good.',
      ),
    ),
    panel('Attempts', table(['Outcome', 'Attempts'], pairs(counts.attempts), 'There were none.')),
    panel(
      'Routes',
      table(
        ['Route', 'Calls', 'Failed', 'Refused', 'Fallback'],
        known.routes.map((each) => [
          own(each.route),
          ...[each.calls, each.failed, each.refused, each.degraded].map((count) =>
            count.toLocaleString('en'),
          ),
        ]),
        'None was called.',
      ),
    ),
    ...listShadow(known),
    wide(
      'Last moves of circuits',
      table(
        ['When', 'Whose', 'From', 'To', 'Rule', 'Observed', 'Limit'],
        known.transitions.map(({ at: when, route, fields }) => [
          formatTime(when),
          own(route),
          fields.from ?? '',
          fields.to ?? '',
          fields.rule ?? '',
          amount(fields.rule, fields.observed),
          amount(fields.rule, fields.threshold),
        ]),
        'None moved.',
      ),
    ),
    wide(
      'Last failed calls',
      table(
        ['When', 'Request', 'Status', 'Attempts', 'Endpoints', 'Took', 'Why'],
        known.failures.map((each) => [
          formatTime(each.at),
          `${each.method} ${each.path}`,
          `${each.status} ${each.reason}${each.fallback === null ? '' : ` (fallback ${each.fallback})`}`,
          each.outcomes.join(', ') || 'none',
          each.endpoints.join(', '),
          formatMs(each.durationMs),
          each.error ?? '',
        ]),
        'None failed.',
      ),
    ),
    wide(
      'Other news',
      table(
        ['When', 'What'],
        known.news.map((each) => [formatTime(each.at), each.message]),
        'There is none.',
      ),
    ),
  ];
}

/** Nothing where all policies are enforced. */
function listShadow({ shadow }: Known): HTMLElement[] {
  if (shadow.length === 0) return [];
  const rows = shadow.flatMap(({ route, policy, wouldRefuse }) => {
    const counts = Object.entries(wouldRefuse);
    const told = counts.map(([reason, calls]) => [reason, calls.toLocaleString('en')]);
    return (told.length > 0 ? told : [['–', '0']]).map((cells) => [own(route), policy, ...cells]);
  });
  const columns = ['Whose', 'Policy', 'Reason', 'Calls it would have refused'];
  return [panel('In shadow', table(columns, rows, 'None.'))];
}

function listCircuits({ name, circuits }: Known, model: Model): HTMLElement {
  const { at } = model;
  return table(
    ['Whose', 'State', 'Action', 'For', 'In a row', 'Failure rate'],
    circuits.map(({ route, state, mode, since, consecutiveFailures, failureRate }) => [
      own(route),
      mode === 'shadow' ? `${state} (in shadow)` : state,
      h('button', { type: 'button', onclick: () => force(name, route, state, model) }, 'Force…'),
      formatAge(since, at).replace(' ago', ''),
      String(consecutiveFailures),
      failureRate === null ? '–' : `${Math.round(failureRate * 100)}%`,
    ]),
    'The circuit breaker is off.',
  );
}

function listEndpoints({ name, endpointList }: Known, model: Model): HTMLElement {
  return table(
    ['Address', 'State', 'Action', 'Back in', 'Weight', 'In flight', 'Failures in a row'],
    endpointList.map((each) => [
      each.address,
      each.state,
      each.state === 'leaving'
        ? ''
        : h('button', { type: 'button', onclick: () => drain(name, each, model) }, 'Drain…'),
      each.backInMs > 0 ? formatMs(each.backInMs) : '–',
      String(each.weight),
      String(each.active),
      String(each.consecutiveFailures),
    ]),
    'None is known yet: the name is looked up at the first call.',
  );
}
