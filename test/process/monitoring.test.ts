/**
 * The dashboard, the alerts and the queries of the documents in a real Prometheus that scrapes real sidecars in trouble: each expression must have data, and
 * each alert must fire. Ranges are shortened, so that minutes of the rules take seconds here.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import t from 'tap';
import { dashboard, rules, type Rule } from '../deploy/files.js';
import { documents } from '../docs/documents.js';
import {
  SCRAPE_INTERVAL,
  startPrometheus,
  withoutPrometheus,
  type Prometheus,
  type Series,
} from '../support/prometheus.js';
import { NO_PORT, send, eventually } from '../support/sidecar.js';
import { startTroubledFleet } from '../support/troubled-fleet.js';

/** Seconds for minutes; at least three scrapes, of which a rate needs two. */
const shorten = (expression: string): string =>
  expression
    .replaceAll('[6h:30s]', '[1m:1s]')
    .replaceAll('[1d]', '[1m]')
    .replaceAll('offset 30s', 'offset 1s')
    .replaceAll(
      /(\[|offset )(\d+)m/g,
      (_, before: string, minutes: string) => `${before}${Math.max(3, Number(minutes))}s`,
    );

const shortened = rules.map(({ expr, ...rest }): Rule => ({
  ...rest,
  expr: shorten(expr),
  ...(rest.alert === undefined ? {} : { for: '1s' }),
}));

/** Queries that a reader copies, with the page that has them; days are seconds here. */
const queries = documents.flatMap(({ path, text }) =>
  [...text.matchAll(/```promql\n(.*?)```/gs)].map(([, query]) => ({
    path,
    query: query!.replaceAll(/\[\d+[mhd]:\d+m\]/g, '[20s:1s]').replaceAll(/\[\d+[mhd]\]/g, '[10s]'),
  })),
);

const numbers = ({ values }: Series) => values.map(([, value]) => Number(value));

/** Something happened that the expression shows: a value that is neither absent nor 0. */
const hasData = (found: readonly Series[]) =>
  found.some((series) => numbers(series).some((value) => Number.isFinite(value) && value > 0));

/** As Grafana fills them in, where "All" is chosen. */
async function readVariables(prometheus: Prometheus): Promise<Map<string, string>> {
  const filled = new Map<string, string>();
  for (const { name, query } of dashboard.templating.list) {
    const [, selector, label] =
      /label_values\((.+), (\w+)\)/.exec((query as { query?: string }).query ?? '') ?? [];
    if (selector === undefined || label === undefined) continue;
    const values = (await prometheus.get(`label/${label}/values`, {
      'match[]': fill(selector, filled),
    })) as string[];
    filled.set(name, `(${values.map((value) => value.replaceAll('.', '\\\\.')).join('|')})`);
  }
  return filled;
}

function fill(expression: string, variables: ReadonlyMap<string, string>): string {
  let filled = expression.replaceAll('$__rate_interval', `${SCRAPE_INTERVAL * 8}s`);
  for (const [name, value] of variables) filled = filled.replaceAll(`$${name}`, () => value);
  return filled;
}

/** The alert for a sidecar that ends. */
const LAST = 'BreakwaterTargetDown';

interface Target {
  readonly labels: Readonly<Record<string, string>>;
  readonly lastError: string;
}

interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: string;
}

t.test('dashboard and alerts show what happens', { skip: withoutPrometheus }, async (t) => {
  const fleet = await startTroubledFleet(t);
  const nowhere = `127.0.0.1:${NO_PORT}`;
  const prometheus = await startPrometheus(
    t,
    { shop: [fleet.lasting, fleet.ending], 'breakwater-gone': [nowhere] },
    [{ name: 'breakwater', rules: shortened }],
  );
  const startedMs = Date.now();

  /** The last text of each alert that fired. */
  const fired = new Map<string, Alert>();
  const noteAlerts = async () => {
    const { alerts } = (await prometheus.get('alerts')) as { alerts: readonly Alert[] };
    for (const alert of alerts.filter(({ state }) => state === 'firing'))
      fired.set(alert.labels['alertname']!, alert);
  };
  const noting = setInterval(() => void noteAlerts(), 500);
  t.teardown(() => clearInterval(noting));

  // A sidecar ends only after that.
  const expected = rules.flatMap(({ alert = LAST }) => (alert === LAST ? [] : [alert]));
  await fleet.live(() => expected.every((alert) => fired.has(alert)));
  const page = (await send(`http://${fleet.lasting}/metrics`)).text;
  await eventually('both sidecars can be scraped', async () => {
    const { activeTargets } = (await prometheus.get('targets')) as {
      activeTargets: readonly Target[];
    };
    const own = activeTargets.filter(({ labels }) => labels['job'] === 'shop');
    return own.length === 2 && own.every(({ lastError }) => lastError === '');
  });
  await fleet.endOne();
  await eventually('the end of a sidecar is noticed', async () =>
    hasData(await prometheus.range(`ALERTS{alertname="${LAST}",job="shop",alertstate="firing"}`)),
  );
  clearInterval(noting);
  await noteAlerts();

  await t.test('OpenMetrics brings exemplars', async (t) => {
    const exemplars = (await prometheus.get('query_exemplars', {
      query: '{__name__=~"breakwater_.*_bucket"}',
      start: String(startedMs / 1000),
      end: String(Date.now() / 1000),
    })) as readonly {
      seriesLabels: Record<string, string>;
      exemplars: readonly { labels: object }[];
    }[];
    for (const name of [
      'breakwater_request_duration_seconds_bucket',
      'breakwater_attempt_duration_seconds_bucket',
    ]) {
      const ofName = exemplars.find(({ seriesLabels }) => seriesLabels['__name__'] === name);
      t.match(
        ofName?.exemplars[0],
        { labels: { trace_id: '0af7651916cd43dd8448eb211c80319c' } },
        name,
      );
    }
  });

  await t.test('every expression of the dashboard has data', async (t) => {
    const variables = await readVariables(prometheus);
    t.match(variables.get('upstream'), /\bcatalog\b/);
    t.match(variables.get('instance'), fleet.lasting.replaceAll('.', '\\\\.'));
    for (const { title, targets = [] } of dashboard.panels)
      for (const { expr, refId } of targets)
        t.ok(hasData(await prometheus.range(fill(expr, variables))), `${title} ${refId}`);
    for (const { expr } of dashboard.annotations.list) {
      if (expr === undefined) continue;
      t.ok(hasData(await prometheus.range(shorten(fill(expr, variables)))), `annotation ${expr}`);
    }
  });

  await t.test('every query of the documents has data', async (t) => {
    t.ok(queries.length >= 12, 'there are queries');
    for (const { path, query } of queries)
      t.ok(hasData(await prometheus.range(query)), `${path}: ${query}`);
  });

  await t.test('every recording rule has data', async (t) => {
    for (const { record } of rules)
      if (record !== undefined) t.ok(hasData(await prometheus.range(record)), record);
  });

  await t.test('every alert fires, and its texts are whole', async (t) => {
    for (const { alert } of rules) {
      if (alert === undefined) continue;
      const { annotations } = fired.get(alert) ?? {};
      t.ok(annotations !== undefined, `${alert} fires`);
      for (const [name, text] of Object.entries(annotations ?? {}))
        t.notMatch(text, /<no value>|<error|%!|NaN|for {2}/, `${alert}: ${name}`);
    }
  });

  await t.test('promtool finds nothing wrong with the page', async (t) => {
    t.match(execFileSync('promtool', ['--version'], { encoding: 'utf8' }), /promtool/);
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input: page,
      encoding: 'utf8',
    });
    t.strictSame([status, stdout, stderr], [0, '', '']);
  });
});
