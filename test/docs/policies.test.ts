/** The pages of policies have one shape, and the options that the code has; so have the tables of all other options. */
import t, { type Test } from 'tap';
import { fileSchemas } from '../../src/config/schema/schema.js';
import { sections as configSections } from '../../src/config/schema/sections.js';
import type { OptionKeywords, TSchema } from '../../src/core/options.js';
import { policies, policySchemas, reasons } from '../../src/policies/index.js';
import { drawPipeline } from '../../tools/docs/pictures/pipeline.js';
import { documentAt, rowsEverywhere, rowsIn, sectionOf, type DocumentRow } from './documents.js';
import { codeBlocks, internalLinks, plain, sections, tableRows, type Row } from './markdown.js';

interface Option {
  readonly key: string;
  /** In the file's notation. */
  readonly default: string;
  readonly canBeOff: boolean;
}

interface ObjectSchema extends TSchema {
  readonly properties: Readonly<Record<string, TSchema>>;
}

const branchesOf = (schema: TSchema): TSchema[] => [
  schema,
  ...((schema['anyOf'] as TSchema[] | undefined) ?? []),
];

/** The mapping of a schema, also where `off` is allowed instead of it; of a list, that of its items. */
function mappingOf(schema: TSchema): ObjectSchema | undefined {
  const candidates = branchesOf(schema)
    .map((branch) => (branch['items'] as TSchema | undefined) ?? branch)
    .flatMap(branchesOf);
  return candidates.find((candidate): candidate is ObjectSchema => 'properties' in candidate);
}

const written = (value: unknown): string =>
  Array.isArray(value) ? `[${value.map(written).join(', ')}]` : String(value);

/** A schema's options as pages list them: nested keys with dots, mappings only where they can be off or something else. */
function optionsOf(schema: TSchema, prefix = ''): Option[] {
  return Object.entries(mappingOf(schema)!.properties).flatMap(([name, option]): Option[] => {
    const key = prefix + name;
    const words = (option['enum'] as unknown[] | undefined) ?? [];
    const canBeOff = (option as OptionKeywords).off === true || words.includes('off');
    const nested = mappingOf(option);
    if (nested === undefined) {
      return [{ key, default: written(option.default ?? 'none'), canBeOff }];
    }
    const isElse = option['items'] !== undefined || (option['anyOf'] !== undefined && !canBeOff);
    const standard = option.default ?? (canBeOff ? 'on' : 'none');
    const whole = { key, default: written(standard), canBeOff };
    return [...(canBeOff || isElse ? [whole] : []), ...optionsOf(nested, `${key}.`)];
  });
}

function compareOptions(t: Test, rows: readonly Row[], column: string, options: Option[]): void {
  t.same(
    rows.map((row) => ({
      key: plain(row[column]!),
      default: plain(row['Default']!),
      canBeOff: row['Values']!.includes('`off`'),
    })),
    options,
    'keys, defaults and whether they can be off, in the order of the schema',
  );
  for (const row of rows) {
    t.match(row['Meaning'], /^[A-Z`].*\.$/, `${row[column]!} says what it means, in sentences`);
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

/** With the schema of each. */
const pages: readonly (readonly [string, TSchema])[] = [
  ...policies.map(({ name }) => [name, policySchemas[name]] as const),
  // The process's own, at the top of the file.
  ['overload', configSections.overload],
];

/** `circuitBreaker` has the page `circuit-breaker.md`. */
const pageOf = (name: string) =>
  `docs/policies/${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}.md`;

for (const [name, schema] of pages) {
  t.test(`the page of ${name} has the common shape and the schema's options`, async (t) => {
    const path = pageOf(name);
    const { text } = documentAt(path);
    const parts = sections(text);
    t.equal(parts[0]!.title, name);
    t.same(
      parts.filter(({ level }) => level === 2).map(({ title }) => title),
      headings,
    );
    const rows = tableRows(sectionOf(path, 'Options').lines, 'Key');
    compareOptions(t, rows, 'Key', optionsOf(schema));
    const example = codeBlocks(text).at(-1)!;
    t.match(example.text, new RegExp(`^ *${name}:`, 'm'), 'the example is about the policy');
    const statuses = tableRows(sectionOf(path, 'What the caller sees').lines, 'Status');
    for (const row of statuses) {
      const reason = plain(row['Reason']!) as keyof typeof reasons;
      t.equal(row['Status'], String(reasons[reason]?.status), `the status of ${reason}`);
    }
  });
}

t.test('the README lists the policies in the order in which they work', async (t) => {
  const linked = rowsIn('README.md', 'Order').map((row) => internalLinks(row['Policy']!)[0]);
  t.same(
    linked.filter((link) => link !== undefined),
    policies.map(({ name }) => pageOf(name)),
  );
});

t.test('the picture of the pipeline has the policies in that order', async (t) => {
  const shown = [...drawPipeline().matchAll(/>(\d+) {2}(\w+)/g)];
  const inOrder = new Map(shown.map(([, number, name]) => [number, name]));
  t.same(
    [...inOrder],
    policies.map(({ name }, index) => [`${index + 1}`, name]),
  );
});

const rowsOnly = (rows: readonly DocumentRow[]) => rows.map(({ row }) => row);

t.test('the sections at the top of the file have their options', async (t) => {
  const options = Object.entries(configSections)
    .filter(([name]) => pages.every(([page]) => page !== name))
    .flatMap(([name, schema]) => optionsOf(schema, `${name}.`));
  compareOptions(t, rowsOnly(rowsEverywhere('Section key')), 'Section key', options);
});

t.test('the upstream has its options', async (t) => {
  const { upstream } = fileSchemas(policies);
  const { required = [] } = upstream as { required?: string[] };
  const options = optionsOf(upstream)
    .filter(({ key }) => !(key in policySchemas))
    .map((option) => (required.includes(option.key) ? { ...option, default: 'required' } : option));
  compareOptions(t, rowsOnly(rowsEverywhere('Upstream key')), 'Upstream key', options);
});
