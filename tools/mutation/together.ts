/**
 * `node together.js` runs mutants in one process, one after the other, because to start a process for each takes several times as long.
 * Reads a list of {@link Task} from standard input, and writes a {@link Step} in each line of file descriptor 3.
 */
import { readFileSync, writeFileSync, writeSync } from 'node:fs';
import { register } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { mutate, type Mutation } from './operators.js';

/** A mutant, and the test files that are run until one fails. */
export interface Task {
  readonly module: string;
  readonly mutation: Mutation;
  readonly files: readonly string[];
}

/** What happens to the task of that number: a test file begins, or the task has ended. */
export type Step =
  | { readonly task: number; readonly begins: string }
  | { readonly task: number; readonly failed: string | undefined };

const tell = (step: Step) => writeSync(3, `${JSON.stringify(step)}\n`);

/** Whether all tests of the file pass. */
async function passes(file: string, task: number): Promise<boolean> {
  const failedBefore = t.counts.fail;
  try {
    await import(`${pathToFileURL(resolve(file)).href}?${task}`);
  } catch {
    return false;
  }
  // Tests run in the order in which they were asked for, so at its end all of the file have ended.
  await t.test('end of the file', async () => {});
  return t.counts.fail === failedBefore;
}

async function findFailing({ files }: Task, task: number): Promise<string | undefined> {
  for (const file of files) {
    tell({ task, begins: file });
    if (!(await passes(file, task))) return file;
  }
  return undefined;
}

register('./anew.js', import.meta.url);
const tasks = JSON.parse(readFileSync(0, 'utf8')) as readonly Task[];
for (const [number, task] of tasks.entries()) {
  const source = readFileSync(task.module, 'utf8');
  // On the disk, so that processes that a test starts have the mutant as well.
  writeFileSync(task.module, mutate(source, task.mutation));
  const failed = await findFailing(task, number);
  writeFileSync(task.module, source);
  // A test that hung with nothing to wait for has ended the run of this process: nothing that follows would count.
  if (t.ended) process.exit(1);
  tell({ task: number, failed });
}
