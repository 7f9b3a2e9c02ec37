/** The page about policy tests shows what `test` prints, and names all keys of a case. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { test as run } from '../../src/cli/test.js';
import { testFileSchema } from '../../src/policy-tests/schema.js';
import { documentAt } from './documents.js';
import { codeBlocks, sections, tableRows } from './markdown.js';

const { text } = documentAt('docs/testing-policies.md');
const blocks = codeBlocks(text);
const textsOf = (wanted: string) =>
  blocks.filter(({ language }) => language === wanted).map((block) => block.text);

const TESTS = textsOf('yml')[0]!;
const [passing = '', failing = ''] = textsOf('console');

async function print(t: Test, tests: string): Promise<string> {
  const folder = t.testdir({
    'breakwater.yaml': textsOf('yaml')[0]!,
    'breakwater.test.yaml': tests,
  });
  let printed = '';
  const output = {
    env: {},
    stdout: { write: (piece: string) => (printed += piece) },
    stderr: { write: (piece: string) => (printed += piece) },
  };
  await run([join(folder, 'breakwater.test.yaml')], output);
  return printed.replaceAll(`${folder}/`, '');
}

t.test('its example is what is printed', async (t) => {
  const [command, ...shown] = passing.trimEnd().split('\n');
  t.equal(command, '$ node dist/src/main.js test breakwater.test.yaml');
  t.same(shown, (await print(t, TESTS)).trimEnd().split('\n'));
});

t.test('its failure is what is printed', async (t) => {
  const shown = failing.slice(failing.indexOf('not ok'));
  t.ok((await print(t, TESTS.replace('within: 4s', 'within: 2s'))).includes(shown));
});

type Schema = Readonly<Record<string, never>> & {
  readonly properties: Readonly<Record<string, Schema>>;
  readonly items: Schema;
  readonly anyOf: readonly Schema[];
};

t.test('its tables have all keys', async (t) => {
  const { lines } = sections(text).find(({ title }) => title === 'A case')!;
  const named = tableRows(lines, 'Key').flatMap((row) =>
    row['Key']!.replaceAll('`', '')
      .split(', ')
      .map((key) => key.replace(': true', '')),
  );
  const testCase = (testFileSchema as unknown as Schema).properties['cases']!.items;
  const { given, when, then } = testCase.properties as Record<string, Schema>;
  const parts = [testCase, given!.items, when!.items, then!.anyOf[0]!];
  t.same(
    [...new Set(named)].toSorted(),
    [...new Set(parts.flatMap(({ properties }) => Object.keys(properties)))].toSorted(),
  );
});
