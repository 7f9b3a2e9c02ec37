/** The types of the configuration file: config/types.d.cts. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { parse } from 'yaml';
import { configTypes } from '../../tools/types/config-types.js';

const config = fileURLToPath(new URL('../../../config/', import.meta.url));

t.test('the types are those of the schema', async (t) => {
  const shipped = readFileSync(join(config, 'types.d.cts'), 'utf8');
  t.equal(shipped, await configTypes(), 'npm run schema writes them');
});

t.test('every example has the type of a configuration, and a mistake has not', async (t) => {
  const folder = t.testdir();
  const text = readdirSync(join(config, 'examples'))
    .filter((name) => name.endsWith('.yaml'))
    .map((name, index) => {
      const value: unknown = parse(readFileSync(join(config, 'examples', name), 'utf8'));
      return `// ${name}\nexport const example${index}: Config = ${JSON.stringify(value, undefined, 2)};\n`;
    });
  t.ok(text.length > 10, 'there are examples');
  const file = join(folder, 'examples.mts');
  writeFileSync(
    file,
    `import type { Config, Retry } from '${join(config, 'types.d.cts')}';
${text.join('')}
// @ts-expect-error: the number of attempts is no text
export const wrongValue: Retry = { maxAttempts: '3' };
// @ts-expect-error: there is no such key
export const wrongKey: Config = { upstreams: {}, upstream: {} };
// @ts-expect-error: upstreams is missing
export const missingKey: Config = {};
`,
  );
  const compiler = createRequire(import.meta.url).resolve('typescript/package.json');
  const { stdout } = spawnSync(
    process.execPath,
    [
      join(dirname(compiler), 'bin/tsc'),
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--types',
      '',
      file,
    ],
    { encoding: 'utf8' },
  );
  t.equal(stdout, '');
});
