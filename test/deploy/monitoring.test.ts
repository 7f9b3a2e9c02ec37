/** The alerts and the dashboard ask for metrics and labels that there are, and each alert is tested. */
import t from 'tap';
import type { ExchangeSummary } from '../../src/core/events.js';
import { attemptResults } from '../../src/core/outcome.js';
import { policies, reasons } from '../../src/policies/index.js';
import { createMetrics } from '../../src/telemetry/instruments/metrics.js';
import { fakeProxy } from '../admin/fake-proxy.js';
import { oneOfEach } from '../../tools/docs/sample-events.js';
import { FakeClock } from '../support/fake-clock.js';
import { readPage } from '../support/page.js';
import { dashboard, readYaml, rules } from './files.js';

/** What metrics read of an exchange. */
const exchange = { status: 200, reason: '', durationMs: 1, attempts: 1 } as ExchangeSummary;
const rejected: ExchangeSummary = { ...exchange, status: 503, reason: 'circuit-open', attempts: 0 };

const events = [
  ...oneOfEach(exchange),
  { type: 'exchange-finished', summary: rejected },
  { type: 'idempotency-decided', result: 'error' },
] as const;

/** By the name of a series, the labels it can have, and the values seen of each. */
type Series = Map<string, Map<string, Set<string>>>;

/** Every series of a page that has had all events. */
async function exposed(): Promise<Series> {
  const metrics = createMetrics({
    clock: new FakeClock(),
    version: '1',
    inspection: fakeProxy().options.inspection,
    memory: () => ({ used: 0.1, limit: 0.85 }),
    shadowed: () => policies.map(({ name }) => name),
  });
  const emit = metrics.scope('catalog', '');
  for (const event of events) emit(event);
  metrics.countReload('failure');
  metrics.countRefusal(400);
  metrics.countRefusedToken('wrong');
  metrics.noteConfig('0123456789ab');
  const series: Series = new Map();
  const add = (name: string, labels: Iterable<readonly [string, string]>) => {
    const known = series.get(name) ?? new Map<string, Set<string>>();
    series.set(name, known);
    for (const [label, value] of labels)
      known.set(label, (known.get(label) ?? new Set()).add(value));
  };
  for (const line of (await readPage(metrics.exposition())).split('\n')) {
    const sample = /^(\w+)(?:\{(.*)\})? \S+$/.exec(line);
    if (sample === null) continue;
    const labels = [...(sample[2] ?? '').matchAll(/(\w+)="([^"]*)"/g)];
    add(
      sample[1]!,
      labels.map(([, label, value]) => [label!, value!] as const),
    );
  }
  // Prometheus's own.
  add('up', []);
  return series;
}

/** Labels that scraping adds. */
const targetLabels = new Set(['job', 'instance', 'namespace', 'pod']);

/** Label values of which the fake proxy shows only some, and the lists that they come from. */
const closedLists: Readonly<Record<string, readonly string[]>> = {
  reason: Object.keys(reasons),
  outcome: attemptResults,
  status: ['2xx', '3xx', '4xx', '5xx', '499'],
};

const SELECTOR = /\b((?:breakwater|process|nodejs)_\w+)(?:\{([^}]*)\})?/g;
const MATCHER = /(\w+)\s*(=~|!=|!~|=)\s*"([^"]*)"/g;

const expressions: readonly { readonly where: string; readonly expr: string }[] = [
  ...rules.map(({ alert, record, expr }) => ({ where: (alert ?? record)!, expr })),
  ...dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ where: `panel ${title}`, expr })),
  ),
  ...dashboard.annotations.list.flatMap(({ expr }) =>
    expr === undefined ? [] : [{ where: 'annotation', expr }],
  ),
  ...dashboard.templating.list.map(({ name, query }) => ({
    where: `variable ${name}`,
    expr: JSON.stringify(query).replaceAll('\\"', '"'),
  })),
];

t.test('every metric and label in an expression is one that there is', async (t) => {
  const series = await exposed();
  t.ok(expressions.length > 40, 'there are expressions');
  for (const { where, expr } of expressions) {
    for (const [, name, matchers] of expr.matchAll(SELECTOR)) {
      const labels = series.get(name!);
      if (labels === undefined) {
        t.fail(`${where}: there is no ${name}`);
        continue;
      }
      for (const [, label, operator, wanted] of (matchers ?? '').matchAll(MATCHER)) {
        if (targetLabels.has(label!)) continue;
        const values = closedLists[label!] ?? [...(labels.get(label!) ?? [])];
        t.ok(labels.has(label!), `${where}: ${name} has the label ${label}`);
        if (label === 'upstream' || label === 'route' || wanted === '') continue;
        const words = operator!.endsWith('~') ? wanted!.split('|') : [wanted!];
        // Transitions are shown as they happen, except for openings.
        if (label === 'from' || label === 'to') continue;
        for (const word of words) t.ok(values.includes(word), `${where}: ${label} can be ${word}`);
      }
    }
  }
});

t.test('the labels to group and join by are labels of all that is grouped', async (t) => {
  const known = new Set([...targetLabels, 'le']);
  for (const labels of (await exposed()).values())
    for (const label of labels.keys()) known.add(label);
  for (const { where, expr } of expressions) {
    for (const [, list] of expr.matchAll(/\b(?:by|without|on|ignoring) \(([^)]*)\)/g)) {
      for (const label of list!.split(/,\s*/)) t.ok(known.has(label), `${where}: ${label}`);
    }
  }
});

t.test('texts of alerts name metrics that there are', async (t) => {
  const series = await exposed();
  const names = new Set(
    [...series.keys()].map((name) => name.replace(/_(?:bucket|sum|count)$/, '')),
  );
  for (const { alert, annotations = {} } of rules) {
    for (const [name] of Object.values(annotations)
      .join(' ')
      .matchAll(/\bbreakwater_\w+/g)) {
      t.ok(names.has(name), `${alert}: ${name}`);
    }
  }
});

interface RuleTest {
  readonly alertname: string;
  readonly exp_alerts: readonly unknown[];
}

const ruleTests: readonly RuleTest[] = (
  readYaml('prometheus/alerts.test.yaml') as {
    tests: readonly { alert_rule_test?: readonly RuleTest[] }[];
  }
).tests.flatMap((test) => test.alert_rule_test ?? []);

t.test(
  'every alert has its texts, and a test of when it fires and of when it does not',
  async (t) => {
    const alerts = rules.flatMap((rule) =>
      rule.alert === undefined ? [] : [{ ...rule, name: rule.alert }],
    );
    t.ok(alerts.length >= 9, 'there are alerts');
    for (const { name, labels, annotations } of alerts) {
      t.match(name, /^Breakwater[A-Z]/);
      t.ok(['critical', 'warning'].includes(labels?.['severity'] ?? ''), `${name} has a severity`);
      for (const text of ['summary', 'description', 'runbook']) {
        t.ok(annotations?.[text], `${name} has a ${text}`);
      }
      const own = ruleTests.filter(({ alertname }) => alertname === name);
      t.ok(
        own.some(({ exp_alerts: expected }) => expected.length > 0),
        `${name} is seen to fire`,
      );
      t.ok(
        own.some(({ exp_alerts: expected }) => expected.length === 0),
        `${name} is seen to be silent`,
      );
    }
    const names = new Set(alerts.map(({ name }) => name));
    for (const { alertname } of ruleTests) t.ok(names.has(alertname), `${alertname} is an alert`);
  },
);

t.test('the dashboard can be imported', async (t) => {
  t.equal(dashboard.id, null, 'it gets its id where it is imported');
  t.ok(dashboard.schemaVersion >= 38, 'of Grafana 10');
  t.match(dashboard.__inputs, [{ name: 'DS_PROMETHEUS', pluginId: 'prometheus' }]);

  const ids = dashboard.panels.map(({ id }) => id);
  t.equal(new Set(ids).size, ids.length, 'ids of panels are unique');
  const needed = new Set(
    dashboard.__requires.filter(({ type }) => type === 'panel').map(({ id }) => id),
  );
  const source = { type: 'prometheus', uid: '${DS_PROMETHEUS}' };
  for (const { type, title, datasource, targets = [] } of dashboard.panels) {
    if (type === 'row') continue;
    t.ok(needed.has(type), `${title}: ${type} is among what is required`);
    t.same(datasource, source, title);
    for (const target of targets) t.same(target.datasource, source, `${title} ${target.refId}`);
    const references = targets.map(({ refId }) => refId);
    t.equal(new Set(references).size, references.length, `${title}: letters of queries are unique`);
  }

  const variables = new Set(dashboard.templating.list.map(({ name }) => name));
  t.ok(variables.has('upstream'));
  for (const { where, expr } of expressions.filter(
    (each) => !rules.some((rule) => rule.expr === each.expr),
  )) {
    for (const [, name] of expr.matchAll(/\$\{?(\w+)/g)) {
      t.ok(name!.startsWith('__') || variables.has(name!), `${where}: $${name} is a variable`);
    }
  }
});

t.test('panels have their place, in rows, and do not overlap', async (t) => {
  const rows = dashboard.panels.filter(({ type }) => type === 'row').map(({ title }) => title);
  t.same(rows, [
    'Traffic',
    'Latency',
    'Attempts and retries',
    'Endpoints',
    'Circuits',
    'Bulkhead',
    'Rejections',
    'Fallback and idempotency',
    'Process',
  ]);
  const taken = new Map<string, string>();
  for (const { title, gridPos } of dashboard.panels) {
    t.ok(gridPos.x + gridPos.w <= 24, `${title} is not too wide`);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        const other = taken.get(`${x},${y}`);
        if (other !== undefined) t.fail(`${title} lies on ${other}`);
        taken.set(`${x},${y}`, title);
      }
    }
  }
});
