/** What the README says of options, reasons, metrics, commands and endpoints is what the code has. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { formatDiagnostics } from '../../src/config/syntax/diagnostics.js';
import { loadConfig } from '../../src/config/load.js';
import { fileSchemas } from '../../src/config/schema/schema.js';
import { sections as configSections } from '../../src/config/schema/sections.js';
import type { ExchangeSummary } from '../../src/core/events.js';
import type { Inspection } from '../../src/core/inspect.js';
import type { OptionKeywords, TSchema } from '../../src/core/options.js';
import { policies, policySchemas, reasons } from '../../src/policies/index.js';
import { createMetrics } from '../../src/telemetry/instruments/metrics.js';
import { oneOfEach } from '../support/events.js';
import { fakeLayer, fakeScope } from '../support/fake-layers.js';
import { readPage } from '../support/page.js';
import { node, pathOf } from '../support/program.js';
import { startSidecar } from '../support/sidecar.js';
import {
  anchors,
  codeBlocks,
  internalLinks,
  plain,
  sections,
  tableRows,
  type Row,
  type Section,
} from './markdown.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const readme = read('README.md');
const chapters = sections(readme);
const packageJson = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

const everywhere = chapters.flatMap(({ lines }) => [...lines, '']);
const rowsOf = (firstColumn: string) => tableRows(everywhere, firstColumn);

function chapter(title: string): Section {
  const found = chapters.find((section) => section.title === title);
  if (found === undefined) throw new Error(`README.md has no section "${title}"`);
  return found;
}

t.test('every configuration loads', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'breakwater-readme-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const blocks = codeBlocks(readme).filter(({ language }) => language === 'yaml');
  t.ok(blocks.length > 5, 'there are configurations');
  for (const { line, text } of blocks) {
    t.match(text, /^upstreams:/m, `the block in line ${line} is a whole file`);
    const file = join(folder, `line-${line}.yaml`);
    writeFileSync(file, text);
    const { config, diagnostics } = loadConfig(file, { ADMIN_TOKEN: 'secret' });
    t.equal(formatDiagnostics(diagnostics), '', `the file in line ${line} has no diagnostics`);
    t.ok(config, `the file in line ${line} loads`);
  }
});

interface Option {
  readonly key: string;
  /** In the file's notation. */
  readonly default: string;
  readonly canBeOff: boolean;
}

interface ObjectSchema extends TSchema {
  readonly properties: Readonly<Record<string, TSchema>>;
}

/** The mapping of a schema, also where `off` is allowed instead of it; of a list, that of its items. */
function mappingOf(schema: TSchema): ObjectSchema | undefined {
  const branches = [schema, ...((schema['anyOf'] as TSchema[] | undefined) ?? [])];
  const candidates = branches.map((branch) => (branch['items'] as TSchema | undefined) ?? branch);
  return candidates.find((candidate): candidate is ObjectSchema => 'properties' in candidate);
}

const written = (value: unknown): string =>
  Array.isArray(value) ? `[${value.map(written).join(', ')}]` : String(value);

/** A schema's options as the README lists them: nested keys with dots, mappings only where they can be off. */
function optionsOf(schema: TSchema, prefix = ''): Option[] {
  return Object.entries(mappingOf(schema)!.properties).flatMap(([name, option]): Option[] => {
    const key = prefix + name;
    const canBeOff = (option as OptionKeywords).off === true;
    const nested = mappingOf(option);
    if (nested === undefined) {
      return [{ key, default: written(option.default ?? 'none'), canBeOff }];
    }
    const whole = { key, default: written(option.default ?? 'on'), canBeOff };
    return [...(canBeOff ? [whole] : []), ...optionsOf(nested, `${key}.`)];
  });
}

const listed = (row: Row, column: string): Omit<Option, 'canBeOff'> => ({
  key: plain(row[column]!),
  default: plain(row['Default']!),
});

function compareOptions(t: Test, rows: readonly Row[], column: string, options: Option[]): void {
  t.same(
    rows.map((row) => listed(row, column)),
    options.map(({ key, default: value }) => ({ key, default: value })),
    'keys and defaults, in the order of the schema',
  );
  for (const row of rows) {
    const key = plain(row[column]!);
    const option = options.find((candidate) => candidate.key === key);
    if (option === undefined || option.default === 'off') continue;
    t.equal(
      /[Cc]an be `off`/.test(row['Meaning']!),
      option.canBeOff,
      `${key} says if it can be off`,
    );
  }
}

const headings = [
  'What it does',
  'When to use it',
  'Options',
  'What the caller sees',
  'Metrics',
  'Example',
];

/** A section and all below it. */
function subtree(title: string): Section[] {
  const start = chapters.indexOf(chapter(title));
  const { level } = chapters[start]!;
  const length = chapters.slice(start + 1).findIndex((section) => section.level <= level);
  return chapters.slice(start, length === -1 ? undefined : start + 1 + length);
}

/** With the schema of each. */
const pages: readonly (readonly [string, TSchema])[] = [
  ...policies.map(({ name }) => [name, policySchemas[name]] as const),
  // The process's own, at the top of the file.
  ['overload', configSections.overload],
];

for (const [name, schema] of pages) {
  t.test(`the page of ${name} has the common shape and the schema's options`, async (t) => {
    const [, ...parts] = subtree(name);
    t.same(
      parts.map(({ title }) => title),
      headings,
    );
    const rows = tableRows(parts.find(({ title }) => title === 'Options')!.lines, 'Key');
    compareOptions(t, rows, 'Key', optionsOf(schema));
    const example = policyExample(name);
    t.match(example, new RegExp(`^ *${name}:`, 'm'), 'the example is about the policy');
  });
}

/** The text of the last code block of a policy's page. */
function policyExample(name: string): string {
  const start = readme.indexOf(`\n### ${name}\n`);
  const end = readme.indexOf('\n#', readme.indexOf('\n#### Example\n', start) + 1);
  return codeBlocks(readme.slice(start, end)).at(-1)?.text ?? '';
}

t.test('the policies are listed in the order in which they work', async (t) => {
  const order = rowsOf('Order').map((row) => /^\[(\w+)\]/.exec(row['Policy']!)?.[1]);
  t.same(
    order.filter((name) => name !== undefined),
    policies.map(({ name }) => name),
  );
});

t.test('the other sections have their options', async (t) => {
  const options = Object.entries(configSections)
    .filter(([name]) => pages.every(([page]) => page !== name))
    .flatMap(([name, schema]) =>
      optionsOf(schema, `${name}.`).map((option) => ({ ...option, canBeOff: false })),
    );
  compareOptions(t, rowsOf('Section key'), 'Section key', options);
});

t.test('the upstream has its options', async (t) => {
  const { upstream } = fileSchemas(policies);
  const { required = [] } = upstream as { required?: string[] };
  const options = optionsOf(upstream)
    .filter(({ key }) => !(key in policySchemas))
    .map((option) => (required.includes(option.key) ? { ...option, default: 'required' } : option));
  compareOptions(t, rowsOf('Upstream key'), 'Upstream key', options);
});

t.test('the reasons and their statuses are those of the code', async (t) => {
  t.same(
    Object.fromEntries(rowsOf('Reason').map((row) => [plain(row['Reason']!), row['Status']])),
    Object.fromEntries(Object.entries(reasons).map(([name, { status }]) => [name, `${status}`])),
  );
});

const idle: Inspection = {
  isReady: () => true,
  policies,
  scopes: () => [
    fakeScope('a', '', {
      circuitBreaker: fakeLayer({ circuit: { snapshot: () => ({ state: 'closed' }) } }),
      bulkhead: fakeLayer({ bulkhead: { active: 0, queued: 0, limit: 1 } }),
      retry: fakeLayer({ budget: { remaining: () => 1 } }),
      timeout: fakeLayer({ attemptMs: 1000 }),
    }),
  ],
  upstreams: () => [{ name: 'a', target: 'http://a', tunnels: 0, lastError: undefined }],
  config: () => ({}),
};

const exchange: ExchangeSummary = {
  method: 'GET',
  path: '/',
  status: 200,
  reason: '',
  durationMs: 1,
  waitedMs: 0,
  upstreamMs: 0,
  deadlineLeftMs: undefined,
  results: [],
  attempts: 1,
  requestId: 'r',
  traceId: undefined,
  substitution: undefined,
  error: undefined,
};

interface Family {
  readonly type: string;
  readonly labels: string[];
}

/** The families of a page that has a sample of each, without the libraries' own. */
async function families(): Promise<Map<string, Family>> {
  const metrics = createMetrics({ version: '1', inspection: idle });
  const emit = metrics.scope('a', '');
  for (const event of oneOfEach(exchange)) emit(event);
  const page = await readPage(metrics.exposition());
  const found = new Map<string, Family>();
  for (const [, name, type] of page.matchAll(/^# TYPE (breakwater_\w+) (\w+)$/gm)) {
    const sample = new RegExp(`^${name}(?:_count)?\\{(.*)\\} `, 'm').exec(page)?.[1] ?? '';
    const labels = [...sample.matchAll(/(\w+)="/g)].map((match) => match[1]!);
    found.set(name!, { type: type!, labels });
  }
  return found;
}

t.test('the metrics are those of the exposition', async (t) => {
  const shown = await families();
  const rows = rowsOf('Metric').map((row): [string, Family] => [
    plain(row['Metric']!),
    {
      type: row['Type']!,
      labels: row['Labels']!.split(', ')
        .filter(Boolean)
        .map((label) => plain(label)),
    },
  ]);
  t.same(Object.fromEntries(rows), Object.fromEntries(shown));
  const named = new Set(readme.match(/\bbreakwater_\w+/g));
  t.same(
    [...named].filter((name) => !shown.has(name)),
    [],
    'no other metric is named',
  );
});

t.test('the labels in the text are labels of their metric', async (t) => {
  const shown = await families();
  for (const [, name, labels] of readme.matchAll(/\b(breakwater_\w+)\{([^}]*)\}/g)) {
    for (const [, label] of labels!.matchAll(/(\w+)=/g)) {
      t.ok(shown.get(name!)?.labels.includes(label!), `${name} has the label ${label}`);
    }
  }
});

t.test('the endpoints are those of the admin server', async (t) => {
  const sidecar = await startSidecar(t, 'upstreams: { a: { listen: 0, target: "http://a" } }');
  const { detail } = (await sidecar.json('/nothing')) as { detail: string };
  const there = [...detail.matchAll(/\b(?:GET|PUT|POST|DELETE) \/[\w/]+/g)].map(String).slice(1);
  const documented = rowsOf('Endpoint').map((row) => plain(row['Endpoint']!));
  t.same(documented.toSorted(), there.toSorted());
});

const help = (...args: string[]) =>
  execFileSync(...node(pathOf('main.js'), ...args, '--help'), { encoding: 'utf8' });

t.test('the command line is the one that there is', async (t) => {
  const commands = rowsOf('Command').map((row) => plain(row['Command']!).split(' '));
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

t.test('the commands to type exist', async (t) => {
  const scripts = new Set(Object.keys(packageJson.scripts));
  for (const file of ['README.md', '.github/CONTRIBUTING.md']) {
    for (const [command, name] of read(file).matchAll(/\bnpm run ([\w:-]+)/g)) {
      t.ok(scripts.has(name!), `${file}: ${command}`);
    }
    for (const [command, name] of read(file).matchAll(/\bnpm (start|test)\b/g)) {
      t.ok(scripts.has(name!), `${file}: ${command}`);
    }
  }
});

t.test('links within the project lead somewhere', async (t) => {
  for (const file of ['README.md', '.github/CONTRIBUTING.md']) {
    const links = internalLinks(read(file));
    for (const link of links) {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? file : join(dirname(file), path);
      t.ok(existsSync(join(root, target)), `${file}: ${link} exists`);
      if (anchor !== undefined) {
        t.ok(anchors(read(target)).has(anchor), `${file}: ${link} is a heading`);
      }
    }
  }
});
