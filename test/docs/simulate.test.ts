/** The page about `simulate` shows what it prints. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { simulate } from '../../src/cli/simulate.js';
import { scenarioNames } from '../../src/simulation/scenario-names.js';
import { documentAt } from './documents.js';
import { codeBlocks, plain, sections, tableRows } from './markdown.js';

const { text } = documentAt('docs/simulate.md');
const blocks = codeBlocks(text);
const textOf = (wanted: string) => blocks.find(({ language }) => language === wanted)!.text;

async function print(t: Test, format: 'text' | 'json'): Promise<string> {
  const file = join(t.testdir(), 'breakwater.yaml');
  writeFileSync(file, textOf('yaml'));
  let printed = '';
  const stdout = { write: (piece: string) => (printed += piece) };
  const output = { env: {}, stdout, stderr: { write: () => {} } };
  const options = { upstream: 'catalog', scenario: 'outage', seed: '1', format } as const;
  t.equal(await simulate(file, options, output), 0);
  return printed.replaceAll(file, 'breakwater.yaml');
}

t.test('its example is what is printed', async (t) => {
  const [command = '', ...shown] = textOf('console').trimEnd().split('\n');
  t.equal(command, '$ node dist/src/main.js simulate breakwater.yaml --upstream catalog');
  t.same(shown, (await print(t, 'text')).trimEnd().split('\n'));
});

t.test('its JSON is a part of what is printed', async (t) => {
  interface Report {
    readonly files: readonly { readonly phases: readonly { readonly name: string }[] }[];
  }
  const shown = JSON.parse(textOf('json')) as Report;
  const printed = JSON.parse(await print(t, 'json')) as Report;
  const [phase] = shown.files[0]!.phases;
  t.same(
    phase,
    printed.files[0]!.phases.find(({ name }) => name === phase!.name),
  );
  t.same({ ...shown, files: [] }, { ...printed, files: [] });
});

t.test('it has every scenario', async (t) => {
  const section = sections(text).find(({ title }) => title === 'Scenarios');
  const rows = tableRows(section?.lines ?? [], 'Scenario');
  t.same(
    rows.map((row) => plain(row['Scenario']!)),
    scenarioNames,
  );
});
