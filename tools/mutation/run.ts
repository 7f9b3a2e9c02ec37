/** Runs mutants against the test files that may notice them, with one copy of the project for each of the jobs. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { distancesTo, importsOf, type Imports } from './modules.js';
import type { Mutant } from './mutants.js';
import type { Mutation } from './operators.js';
import type { Result } from './report.js';
import { chooseTests, isUsed } from './tests.js';
import { Workspace, type Ending } from './workspace.js';

/** The modules of the project. What is compiled but has no source any more is left out. */
function readImports(root: string): Imports {
  const compiled = ['src', 'test', 'tools'].flatMap((top) =>
    (readdirSync(join(root, top), { recursive: true }) as string[])
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
      .filter((name) => !name.startsWith('admin/page/'))
      .map((name) => `dist/${top}/${name.replaceAll('\\', '/').replace(/ts$/, 'js')}`),
  );
  return new Map(
    compiled.map((path) => [path, importsOf(path, readFileSync(join(root, path), 'utf8'))]),
  );
}

/** A process that has run so many mutants is replaced, because what was loaded for each of them stays in its memory. */
const MOST_AT_ONCE = 10;

/** What a test file may use of a processor: several times what it needs without a mutant. */
const UNIT_SECONDS = 8;
const WHOLE_SECONDS = 40;

/** Changes nothing: for a run without a mutant. */
const NO_MUTATION: Mutation = { operator: 'none', start: 0, end: 0, replacement: '' };

type Chosen = ReturnType<typeof chooseTests>;

/** Tests of the whole program have real sockets and times: on a busy machine one may fail by itself, but hardly twice. */
async function runWhole(
  { module, mutation }: Mutant,
  files: readonly string[],
  workspace: Workspace,
): Promise<Ending> {
  const [first] = await workspace.run([{ module, mutation, files }], WHOLE_SECONDS);
  if (first!.file === undefined) return first!;
  const again = { module, mutation, files: [first!.file] };
  const [second] = await workspace.run([again], WHOLE_SECONDS);
  return second!;
}

export interface RunOptions {
  /** How many mutants are run at once. */
  readonly jobs: number;
  /** Whether tests of the whole program are left out. */
  readonly isUnitOnly: boolean;
  readonly onResult: (result: Result) => void;
}

/**
 * Runs all mutants, and tells of each as soon as it has ended.
 *
 * @param root the project, which is built.
 * @throws if one of the test files that noticed a mutant fails without it as well.
 */
export async function runMutants(
  root: string,
  mutants: readonly Mutant[],
  { jobs, isUnitOnly, onResult }: RunOptions,
): Promise<void> {
  if (mutants.length === 0) return;
  const imports = readImports(root);
  const tests = [...imports.keys()].filter(isUsed);
  const workspaces = Array.from({ length: jobs }, () => new Workspace(root));
  const noticing = new Set<string>();
  const left = mutants.map((mutant): readonly [Mutant, Chosen] => {
    const distances = distancesTo(mutant.module, imports);
    return [mutant, chooseTests(mutant.module, tests, distances)];
  });

  const finish = async (
    [mutant, { whole }]: (typeof left)[number],
    ending: Ending,
    workspace: Workspace,
  ) => {
    const isUndecided = ending.how === 'passed' && !isUnitOnly && whole.length > 0;
    const { how, file: test } = isUndecided ? await runWhole(mutant, whole, workspace) : ending;
    if (test !== undefined) noticing.add(test);
    const status = how === 'failed' ? 'killed' : how === 'passed' ? 'survived' : how;
    const { file, line, mutation, before, after } = mutant;
    onResult({
      file,
      line,
      operator: mutation.operator,
      before,
      after,
      status,
      ...(test && { test }),
    });
  };
  const work = async (workspace: Workspace): Promise<void> => {
    while (left.length > 0) {
      const batch = left.splice(0, MOST_AT_ONCE);
      const tasks = batch.map(([{ module, mutation }, { unit }]) => ({
        module,
        mutation,
        files: unit,
      }));
      const endings = await workspace.run(tasks, UNIT_SECONDS);
      // Those behind one that ended the process have not run.
      left.unshift(...batch.slice(endings.length));
      for (const [i, ending] of endings.entries()) await finish(batch[i]!, ending, workspace);
    }
  };

  try {
    await Promise.all(workspaces.map(work));
    const check = { module: mutants[0]!.module, mutation: NO_MUTATION, files: [...noticing] };
    const [ending] = await workspaces[0]!.run([check], WHOLE_SECONDS);
    const { how, file } = ending!;
    if (how !== 'passed') throw new Error(`Cannot judge because ${file} ${how} without a mutant`);
  } finally {
    for (const workspace of workspaces) workspace.close();
  }
}
