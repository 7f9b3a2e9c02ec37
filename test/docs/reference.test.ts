/** What the documents say of reasons, metrics, endpoints and commands is what the code has. */
import { execFileSync } from 'node:child_process';
import t from 'tap';
import { reasons } from '../../src/policies/index.js';
import { metricFamilies, type MetricFamily } from '../../tools/docs/metric-table.js';
import { node, pathOf } from '../support/program.js';
import { startSidecar } from '../support/sidecar.js';
import { documents, rowsEverywhere, rowsIn } from './documents.js';
import { requireHeader } from './example/require-header.js';
import { plain } from './markdown.js';

t.test('the reasons and their statuses are those of the code', async (t) => {
  const known = new Map<string, string>(
    Object.entries(reasons).map(([name, { status }]) => [name, `${status}`]),
  );
  for (const { path, row } of rowsEverywhere('Reason')) {
    const reason = plain(row['Reason']!);
    t.equal(row['Status'], known.get(reason), `${path}: the status of ${reason}`);
  }
  const listed = rowsIn('docs/responses.md', 'Reason').map((row) => plain(row['Reason']!));
  t.same(listed.toSorted(), [...known.keys()].toSorted(), 'each has a row');
});

t.test('the README names each reason under its status', async (t) => {
  const named = rowsIn('README.md', 'Status').flatMap((row) => {
    const words = [...row['Reasons']!.matchAll(/`([\w-]+)`/g)].map((match) => match[1]!);
    return words.map((reason) => [reason, row['Status']] as const);
  });
  t.same(
    Object.fromEntries(named),
    Object.fromEntries(
      Object.entries(reasons).map(([name, { status }]) => [
        name,
        status < 500 ? '4xx' : `${status}`,
      ]),
    ),
  );
});

t.test('the metrics are those of the exposition', async (t) => {
  const shown = await metricFamilies();
  const listed = new Map<string, Omit<MetricFamily, 'help'>>();
  for (const { path, row } of rowsEverywhere('Metric')) {
    const labels = [...row['Labels']!.matchAll(/`(\w+)`/g)].map((match) => match[1]!);
    const name = plain(row['Metric']!);
    const known = shown.get(name);
    t.same({ type: row['Type'], labels }, { type: known?.type, labels: known?.labels }, path);
    listed.set(name, { type: row['Type']!, labels });
  }
  t.same([...listed.keys()].toSorted(), [...shown.keys()].toSorted(), 'each has a row');
});

t.test('no metric is named that does not exist', async (t) => {
  const shown = await metricFamilies();
  const ofExample = new Set(requireHeader.instruments.map(({ name }) => name));
  for (const { path, text } of documents) {
    const named = new Set(text.match(/\bbreakwater_\w+/g));
    const isKnown = (name: string) =>
      shown.has(name) ||
      ofExample.has(name) ||
      shown.get(name.replace(/_(?:bucket|sum|count)$/, ''))?.type === 'histogram';
    t.same(
      [...named].filter((name) => !isKnown(name)),
      [],
      path,
    );
  }
});

t.test('the labels in the text are labels of their metric', async (t) => {
  const shown = await metricFamilies();
  for (const { path, text } of documents) {
    for (const [, name, labels] of text.matchAll(/\b(breakwater_\w+)\{([^}]*)\}/g)) {
      for (const [, label] of labels!.matchAll(/(\w+)=/g)) {
        t.ok(shown.get(name!)?.labels.includes(label!), `${path}: ${name} has the label ${label}`);
      }
    }
  }
});

t.test('the endpoints are those of the admin server', async (t) => {
  const sidecar = await startSidecar(t, 'upstreams: { a: { listen: 0, target: "http://a" } }');
  const { detail } = (await sidecar.json('/nothing')) as { detail: string };
  const there = [...detail.matchAll(/\b(?:GET|PUT|POST|DELETE) \/[\w/]*/g)].map(String).slice(1);
  const documented = rowsEverywhere('Endpoint').map(({ row }) => plain(row['Endpoint']!));
  t.same(documented.toSorted(), there.toSorted());
});

const help = (...args: string[]) =>
  execFileSync(...node(pathOf('main.js'), ...args, '--help'), { encoding: 'utf8' });

t.test('the command line is the one that there is', async (t) => {
  const commands = rowsEverywhere('Command').map(({ row }) => plain(row['Command']!).split(' '));
  const there = [...help().matchAll(/^  ([a-z]+) /gm)].map((match) => match[1]!);
  t.same(
    commands.map(([, name]) => name),
    there.filter((name) => name !== 'help'),
  );
  for (const [, name, ...rest] of commands) {
    const documented = rest.join(' ').match(/--[a-z-]+/g) ?? [];
    const options = [...help(name!).matchAll(/^ .*?(--[a-z-]+)/gm)].map((match) => match[1]!);
    t.same(
      documented,
      options.filter((option) => option !== '--help'),
      `options of ${name}`,
    );
  }
});
