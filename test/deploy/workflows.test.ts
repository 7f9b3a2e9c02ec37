/** The workflows of this repository are YAML, and name scripts, files and versions that there are. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { parse } from 'yaml';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const read = (file: string) => readFileSync(join(root, file), 'utf8');

interface Step {
  readonly uses?: string;
  readonly run?: string;
}
interface Job {
  readonly uses?: string;
  readonly needs?: string | readonly string[];
  readonly steps?: readonly Step[];
  readonly strategy?: { readonly matrix: { readonly node: readonly number[] } };
}
interface Workflow {
  readonly jobs: Readonly<Record<string, Job>>;
}

const folder = '.github/workflows';
const workflows = readdirSync(join(root, folder)).map((name) => ({
  name,
  workflow: parse(read(`${folder}/${name}`)) as Workflow,
}));
const manifest = JSON.parse(read('package.json')) as {
  readonly scripts: Readonly<Record<string, string>>;
  readonly engines: { readonly node: string };
};

t.test('workflows run scripts and files that there are, after jobs that there are', async (t) => {
  let scripts = 0;
  for (const { name, workflow } of workflows) {
    for (const { uses, needs = [], steps = [] } of Object.values(workflow.jobs)) {
      for (const job of [needs].flat()) t.ok(job in workflow.jobs, `${name}: ${job}`);
      if (uses?.startsWith('./') === true) t.ok(existsSync(join(root, uses)), `${name}: ${uses}`);
      for (const { run = '' } of steps) {
        for (const [, script = ''] of run.matchAll(/\bnpm run (?:--silent )?([\w:]+)/g)) {
          t.ok(script in manifest.scripts, `${name}: npm run ${script}`);
          scripts++;
        }
        for (const [file] of run.matchAll(/\.ci\/\w+/g)) t.ok(existsSync(join(root, file)), file);
      }
    }
  }
  t.not(scripts, 0, 'there are scripts');
});

t.test('the suite runs on every supported line of Node.js, from the oldest on', async (t) => {
  const ci = workflows.find(({ name }) => name === 'ci.yml')!.workflow;
  const lines = ci.jobs['test']!.strategy!.matrix.node;
  t.equal(`>=${lines[0]}`, manifest.engines.node.split('.')[0]);
  t.match(
    read('docs/operations.md'),
    `Node.js ${lines.slice(0, -1).join(', ')} and ${lines.at(-1)}`,
  );
});
