/** Each example of a configuration has policy tests, which hold. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { test as run } from '../../src/cli/test.js';
import { testFileSchema } from '../../src/policy-tests/schema.js';

const config = fileURLToPath(new URL('../../../config/', import.meta.url));
const examples = join(config, 'examples');

const filesIn = (folder: string) => readdirSync(folder).filter((name) => name.endsWith('.yaml'));

t.test('each example has a file of tests that is about it', async (t) => {
  t.same(filesIn(join(examples, 'tests')), filesIn(examples));
  for (const name of filesIn(examples)) {
    const text = readFileSync(join(examples, 'tests', name), 'utf8');
    t.match(text, `config: ../${name}\n`);
    t.match(text, '# yaml-language-server: $schema=../../tests.schema.json\n');
  }
});

t.test('the tests of the examples hold', async (t) => {
  let [stdout, stderr] = ['', ''];
  const files = filesIn(examples).map((name) => join(examples, 'tests', name));
  const code = await run(files, {
    env: {},
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
  });
  t.same(stdout.match(/^not ok .*/gm) ?? [], []);
  t.same([code, stderr], [0, '']);
});

t.test('the schema for editors is the one that test uses', async (t) => {
  const shipped = readFileSync(join(config, 'tests.schema.json'), 'utf8');
  t.same(JSON.parse(shipped), JSON.parse(JSON.stringify(testFileSchema)));
});
