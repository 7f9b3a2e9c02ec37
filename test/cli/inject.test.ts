/** `breakwater inject` as it is typed: where the manifest comes from, and where it goes. */
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { version } from '../../src/version.js';
import { node, pathOf } from '../support/program.js';

const POD = '# mine\nkind: Pod\nmetadata: { name: p }\nspec:\n  containers:\n    - name: c\n';
const CONFIG = `admin: { metrics: "0.0.0.0:9901" }\nupstreams: { a: { listen: 8101, target: "http://a" } }\n`;

const folder = t.testdir({
  'pod.yaml': POD,
  'breakwater.yaml': CONFIG,
  'bad.yaml': 'kind: Service\n',
});
const path = (name: string) => join(folder, name);

function run(args: readonly string[], input = '') {
  const [command, all] = node(pathOf('main.js'), 'inject', ...args);
  const { status, stdout, stderr } = spawnSync(command, all, {
    encoding: 'utf8',
    input,
    cwd: folder,
  });
  return { status, stdout, stderr };
}

t.test(
  'prints the manifest of a file or of standard input, with the image of this version',
  async (t) => {
    const fromFile = run(['pod.yaml']);
    t.match(fromFile, {
      status: 0,
      stderr: /^Pod p has now the sidecar, a volume of the ConfigMap p-breakwater\n$/,
    });
    t.match(fromFile.stdout, `image: breakwater:${version}\n`);
    t.match(fromFile.stdout, /^# mine\n/);
    t.equal(readFileSync(path('pod.yaml'), 'utf8'), POD, 'the file stays');
    t.same(run(['-'], POD), fromFile);
  },
);

t.test('writes the file with --write, and not if nothing changes', async (t) => {
  const args = [
    'pod.yaml',
    '--config',
    'breakwater.yaml',
    '--env',
    'A=a',
    '--env',
    'B=a',
    '--secret',
    's',
    '--write',
  ];
  const first = run(args);
  t.match(first, { status: 0, stdout: '' });
  t.match(first.stderr, 'A=http://localhost:8101 in c, B=http://localhost:8101 in c');
  const written = readFileSync(path('pod.yaml'), 'utf8');
  t.match(written, /secretRef:\n +name: s\n/);
  const { mtimeMs } = statSync(path('pod.yaml'));
  t.match(run(args), { status: 0, stderr: 'Pod p has it all already\n' });
  t.equal(statSync(path('pod.yaml')).mtimeMs, mtimeMs);
  t.equal(readFileSync(path('pod.yaml'), 'utf8'), written);
});

t.test('ends with 1, and writes nothing, where something is wrong', async (t) => {
  const refused: readonly [readonly string[], RegExp][] = [
    [['none.yaml'], /^breakwater: error: Cannot read none\.yaml because there is no such file\n$/],
    [['pod.yaml', '--config', 'none.yaml'], /because there is no such file\n$/],
    [['bad.yaml'], /^bad\.yaml:1:1: error: Cannot inject into bad\.yaml because it has no /],
    [['-', '--write'], /^breakwater: error: Cannot write to standard input; leave out --write\n$/],
    [
      ['pod.yaml', '--env', 'A'],
      /--env must be NAME=UPSTREAM, such as CATALOG_URL=catalog, but is "A"\n$/,
    ],
  ];
  for (const [args, message] of refused) {
    t.match(run(args, POD), { status: 1, stdout: '', stderr: message }, args.join(' '));
  }
});
