/** The test suites that docs/testing.md shows pass against a sidecar with the file that it shows. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { node } from '../support/program.js';
import { startSidecar, startUpstream } from '../support/sidecar.js';
import { documentAt } from './documents.js';
import { codeBlocks } from './markdown.js';

const blocks = codeBlocks(documentAt('docs/testing.md').text);
const blockOf = (wanted: string) => blocks.find(({ language }) => language === wanted)!.text;

/** The example of a language, for a sidecar of its own. */
async function open(t: Test, language: string, file: string) {
  const upstream = await startUpstream(t, (_, response) => response.end('9.99'));
  const yaml = blockOf('yaml').replace('8101', '0').replace('http://localhost:8200', upstream.url);
  const sidecar = await startSidecar(t, yaml);
  const text = blockOf(language)
    .replace('http://localhost:8101', sidecar.url('catalog'))
    .replace('http://localhost:9900', sidecar.admin);
  const folder = t.testdir();
  writeFileSync(join(folder, file), text);
  return { folder, sidecar, upstream };
}

async function run(t: Test, command: string, args: readonly string[], folder: string) {
  const child = spawn(command, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data: Buffer) => (printed += data.toString()));
  }
  const [code] = (await once(child, 'close')) as [number];
  t.equal(code, 0, printed);
}

t.test('in JavaScript', async (t) => {
  const { folder, sidecar, upstream } = await open(t, 'js', 'prices.test.mjs');
  const [command, args] = node(join(folder, 'prices.test.mjs'));
  await run(t, command, args, folder);
  t.equal(await sidecar.metric('breakwater_faults_injected_total', { kind: 'abort' }), 2);
  t.ok((await sidecar.metric('breakwater_faults_injected_total', { kind: 'reset' })) > 0);
  t.ok(upstream.seen.length > 0);
  t.match(
    await sidecar.json('/faults'),
    { faults: [{ fault: { until: null } }] },
    'that of the file',
  );
});

const hasPython = spawnSync('python3', ['--version']).status === 0;

t.test('in Python', { skip: hasPython ? false : 'there is no python3' }, async (t) => {
  const { folder, sidecar } = await open(t, 'python', 'test_prices.py');
  await run(t, 'python3', ['-m', 'unittest', 'test_prices'], folder);
  t.equal(await sidecar.metric('breakwater_faults_injected_total', { kind: 'abort' }), 2);
});
