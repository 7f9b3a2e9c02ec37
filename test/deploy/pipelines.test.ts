/** The GitHub action and the pre-commit hook check what they are given, and fail where `check` does. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { version } from '../../src/version.js';
import { deploy, readText, readYaml } from './files.js';

interface Step {
  readonly uses?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly run?: string;
}

const action = readYaml('github-action/action.yml') as {
  readonly inputs: Readonly<Record<string, object>>;
  readonly runs: { readonly steps: readonly Step[] };
};

interface Hook {
  readonly id: string;
  readonly entry: string;
  readonly files: string;
}

const [hook] = parse(readFileSync(join(deploy, '../.pre-commit-hooks.yaml'), 'utf8')) as [Hook];

const good = 'upstreams: { a: { listen: 1, target: "http://a", circuitBreaker: off } }\n';
const warned = good.replace(' }', ', retry: off, bulkhead: { maxConcurrent: 1 } }');
const secret = good.replace('http://a', '${URL}');

interface Inputs {
  readonly files: string;
  readonly strict?: string;
  readonly allowUnset?: string;
  readonly sarif?: string;
}

/** The step of the action, as GitHub runs it. */
function act(cwd: string, { files, strict = 'false', allowUnset = 'true', sarif = '' }: Inputs) {
  const { status, stdout, stderr } = spawnSync(join(deploy, 'github-action/check.sh'), {
    cwd,
    encoding: 'utf8',
    env: {
      PATH: process.env['PATH'],
      FILES: files,
      STRICT: strict,
      ALLOW_UNSET: allowUnset,
      SARIF: sarif,
    },
  });
  return { status, stdout, stderr };
}

t.test('the action shows each finding at its line, and fails for errors', async (t) => {
  const folder = t.testdir({ 'a.yaml': good, 'w w.yaml': warned, '-e.yaml': 'upstreams: 5\n' });
  const fine = act(folder, { files: ' a.yaml \n\nw w.yaml\n' });
  t.equal(fine.status, 0, fine.stderr);
  t.match(
    fine.stdout,
    /^::warning file=w w\.yaml,line=1,.*title=single-slot::.*\nAll files are fine\.\n$/,
  );
  t.equal(act(folder, { files: 'w w.yaml', strict: 'true' }).status, 1);
  const bad = act(folder, { files: 'a.yaml\n-e.yaml', sarif: 'out.sarif' });
  t.equal(bad.status, 1);
  t.match(bad.stdout, /^::error file=-e\.yaml,line=1,col=12,/m);
  t.match(JSON.parse(readFileSync(join(folder, 'out.sarif'), 'utf8')), {
    runs: [{ results: [{ level: 'error' }] }],
  });
});

t.test('the action lets variables be unset, unless told otherwise', async (t) => {
  const folder = t.testdir({ 'a.yaml': secret });
  t.equal(act(folder, { files: '.' }).status, 0);
  t.equal(act(folder, { files: '.', allowUnset: 'false' }).status, 1);
});

t.test('the action says what is wrong with its inputs', async (t) => {
  const folder = t.testdir({ 'a.yaml': good });
  t.match(act(folder, { files: ' \n' }), { status: 1, stdout: /^::error .*names no file\n$/ });
  t.match(act(folder, { files: 'a.yaml', strict: 'yes' }), {
    status: 1,
    stdout: /^::error .*strict must be true or false, but is "yes"\n$/,
  });
});

t.test('the action hands each input on, and the example uses inputs that there are', async (t) => {
  const handedOn = Object.values(action.runs.steps.at(-1)?.env ?? {});
  const names = Object.keys(action.inputs);
  t.strictSame(
    handedOn,
    names.map((name) => `\${{ inputs.${name} }}`),
  );
  const workflow = readYaml('github-action/workflow.yaml') as {
    readonly jobs: { readonly check: { readonly steps: readonly Step[] } };
  };
  const own = workflow.jobs.check.steps.find(({ uses }) => uses?.includes('breakwater'));
  t.match(own?.uses, `/deploy/github-action@v${version}`);
  t.match(readText('github-action/action.yml'), `github-action@v${version}`);
  for (const name of Object.keys(own?.with ?? {})) t.ok(names.includes(name), name);
});

t.test('the hook checks the files of Breakwater that a commit changes', async (t) => {
  const script = join(deploy, '..', hook.entry.split(' ')[0]!);
  accessSync(script, constants.X_OK);
  const files = new RegExp(hook.files);
  for (const name of ['breakwater.yaml', 'config/breakwater-eu.yml']) t.match(name, files);
  for (const name of ['my-breakwater.yaml', 'breakwater.json']) t.notMatch(name, files);
  const example = readYaml('pre-commit/.pre-commit-config.yaml') as {
    readonly repos: readonly [{ readonly rev: string; readonly hooks: readonly [Hook] }];
  };
  t.equal(example.repos[0].rev, `v${version}`);
  t.equal(example.repos[0].hooks[0].id, hook.id);
});

t.test('the script of the hook runs check, once Breakwater is built', async (t) => {
  const folder = t.testdir({ 'a.yaml': secret });
  // The tests run from a build.
  writeFileSync(join(deploy, '../dist/.is-built'), '');
  const [script, ...options] = hook.entry.split(' ') as [string, ...string[]];
  const run = (...args: string[]) =>
    spawnSync(join(deploy, '..', script), args, { cwd: folder, encoding: 'utf8' });
  const { status, stdout } = run(...options, 'a.yaml');
  t.strictSame([status, stdout], [0, 'a.yaml: OK, 1 upstream, 1 info\n']);
  t.match(run('a.yaml'), { status: 1, stderr: /^a\.yaml:1:\d+: error: upstreams\.a\.target: / });
});
