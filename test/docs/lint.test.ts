/** What the documents say of `check` and `explain` is what they do, and the examples are what the lint asks for. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { check } from '../../src/cli/check.js';
import { explain } from '../../src/cli/explain.js';
import { checkConfig, checkText } from '../../src/config/check.js';
import { formatDiagnostic } from '../../src/config/syntax/diagnostics.js';
import { lintRules } from '../../src/config/lint/lint.js';
import { documentAt, rowsEverywhere } from './documents.js';
import { codeBlocks, plain } from './markdown.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const page = documentAt('docs/lint.md').text;

t.test('lists the rules with their levels, in their order', async (t) => {
  const rows = rowsEverywhere('Lint rule').map(({ row }) => row);
  t.strictSame(
    rows.map((row) => ({ name: plain(row['Lint rule']!), level: row['Level'] })),
    lintRules.map(({ name, level }) => ({ name, level })),
  );
  for (const row of rows) {
    t.ok(row['What happens in production'], `${row['Lint rule']} says what happens`);
    t.ok(row['What to change'], `${row['Lint rule']} says what to change`);
  }
});

t.test('names rules as it asks others to', async (t) => {
  for (const { name } of lintRules) t.match(name, /^[a-z]+(-[a-z]+)+$/);
  const names = lintRules.map(({ name }) => name);
  t.equal(new Set(names).size, names.length, 'each once');
});

const warnings = (yaml: string) =>
  checkText(yaml, 'f.yaml', {})
    .diagnostics.filter(({ level }) => level === 'warning')
    .map(({ rule }) => rule);

t.test('shows a comment that silences', async (t) => {
  const text = codeBlocks(page).find(({ language }) => language === 'yaml')?.text ?? '';
  t.strictSame(warnings(text), []);
  t.strictSame(warnings(text.replace(/#.*/, '')), ['single-slot']);
});

t.test('shows what is printed', async (t) => {
  const shown = codeBlocks(page).find(({ language }) => language === 'console')?.text ?? '';
  const [, diagnostic = ''] = shown.split('\n');
  const text =
    'upstreams:\n  orders:\n    listen: 1\n    target: http://a\n    retry: { methods: [GET, POST] }\n';
  const printed = checkText(text, 'breakwater.yaml', {}).diagnostics.map(formatDiagnostic);
  const [before = '', after = ''] = diagnostic.split('...');
  const found = printed.find((line) => line.endsWith('[unsafe-retry]')) ?? '';
  t.ok(found.startsWith(before), found);
  t.ok(found.endsWith(after));
});

t.test('shows what explain tells of a request', async (t) => {
  const { text } = documentAt('docs/cli.md');
  const chapter = text.slice(text.indexOf('\n## What explain tells of a request\n'));
  const lines = codeBlocks(chapter)[0]!
    .text.split('\n')
    .filter((line) => line.startsWith('# '));
  const file = join(t.testdir(), 'f.yaml');
  writeFileSync(file, 'upstreams: { catalog: { listen: 1, target: "http://a" } }');
  let printed = '';
  const stdout = { write: (text: string) => (printed += text) };
  const request = { upstream: 'catalog', request: 'POST /items' };
  t.equal(explain(file, request, { env: {}, stdout, stderr: stdout }), 0);
  t.ok(printed.startsWith(`${lines.join('\n')}\nresolve:\n`), printed.slice(0, 500));
});

t.test('the README shows what its first configuration makes the commands print', async (t) => {
  const { text } = documentAt('README.md');
  const blocks = codeBlocks(text.slice(text.indexOf('\n## A first configuration\n')));
  const textOf = (wanted: string) => blocks.find(({ language }) => language === wanted)?.text ?? '';
  const file = join(t.testdir(), 'breakwater.yaml');
  writeFileSync(file, textOf('yaml'));
  let printed = '';
  const stdout = { write: (text: string) => (printed += text) };
  const output = { env: {}, stdout, stderr: stdout };
  check([file], { strict: true, format: 'text', allowUnset: false }, output);
  explain(file, { upstream: 'payments' }, output);
  const there = printed.replaceAll(file, 'breakwater.yaml').split('\n');
  const shown = textOf('console')
    .split('\n')
    .filter((line) => line !== '' && line !== '...' && !line.startsWith('$ '));
  t.equal(shown.length, 6);
  for (const line of shown) t.ok(there.includes(line), line);
});

t.test('shows examples that are clean', async (t) => {
  const folder = join(root, 'config/examples');
  // What they include is checked with them.
  const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
  for (const kind of [
    'user-facing',
    'llm',
    'analytics',
    'payments',
    'inbound',
    'low-latency',
    'high-latency',
    'overload',
    'endpoints',
  ]) {
    t.ok(files.includes(`${kind}.yaml`), `there is one for ${kind}`);
  }
  for (const name of files) {
    const { diagnostics } = checkConfig(join(folder, name), {});
    const faults = diagnostics.filter(({ level }) => level !== 'info');
    t.strictSame(faults.map(formatDiagnostic), [], name);
  }
});
