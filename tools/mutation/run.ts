/** Runs mutants against the test files that may notice them, with one copy of the project for each of the jobs. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { distancesTo, importsOf, type Imports } from './modules.js';
import type { Mutant } from './mutants.js';
import { mutate } from './operators.js';
import type { Result } from './report.js';
import { chooseTests, isUsed } from './tests.js';
import { Workspace } from './workspace.js';

/** Several times what the test files need without a mutant. */
const UNIT_SECONDS = 40;
const WHOLE_SECONDS = 100;

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

/** @returns how the mutant ended, and the test file that noticed it. */
async function runMutant(
  { module, mutation }: Mutant,
  { unit, whole }: ReturnType<typeof chooseTests>,
  workspace: Workspace,
): Promise<Pick<Result, 'status' | 'test'>> {
  const undo = workspace.change(module, (source) => mutate(source, mutation));
  try {
    let ending = await workspace.test(unit, UNIT_SECONDS);
    if (ending.how === 'passed' && whole.length > 0) {
      ending = await workspace.test(whole, WHOLE_SECONDS);
      // They have real sockets and times: on a busy machine one may fail by itself.
      if (ending.how !== 'passed') ending = await workspace.test([ending.file], WHOLE_SECONDS);
    }
    if (ending.how === 'passed') return { status: 'survived' };
    return { status: ending.how === 'failed' ? 'killed' : 'timed out', test: ending.file };
  } finally {
    undo();
  }
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
  const imports = readImports(root);
  const tests = [...imports.keys()].filter(isUsed);
  const workspaces = Array.from({ length: jobs }, () => new Workspace(root));
  const noticing = new Set<string>();
  const left = [...mutants];
  const work = async (workspace: Workspace): Promise<void> => {
    for (let mutant = left.shift(); mutant !== undefined; mutant = left.shift()) {
      const { file, line, module, mutation, before, after } = mutant;
      const chosen = chooseTests(module, tests, distancesTo(module, imports));
      const whole = isUnitOnly ? [] : chosen.whole;
      const ending = await runMutant(mutant, { ...chosen, whole }, workspace);
      if (ending.test !== undefined) noticing.add(ending.test);
      onResult({ file, line, operator: mutation.operator, before, after, ...ending });
    }
  };
  try {
    await Promise.all(workspaces.map(work));
    for (const path of noticing) {
      const { how } = await workspaces[0]!.test([path], WHOLE_SECONDS);
      if (how !== 'passed') throw new Error(`Cannot judge because ${path} ${how} without a mutant`);
    }
  } finally {
    for (const workspace of workspaces) workspace.close();
  }
}
