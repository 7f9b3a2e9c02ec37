/** `breakwater test`: plays policy tests on virtual time. */
import { decodeThen } from '../config/load.js';
import { formatDiagnostics, type Diagnostic } from '../config/syntax/diagnostics.js';
import { compare } from '../policy-tests/compare.js';
import { play } from '../policy-tests/play.js';
import { readTests } from '../policy-tests/read-file.js';
import { formatTap, isPassed, type FileResult, type TestResult } from '../policy-tests/tap.js';
import { nameInput, readInput, type Output } from './output.js';

/** @returns the exit code: 1 where a case does not hold, or cannot be played. */
export async function test(files: readonly string[], output: Output): Promise<number> {
  const results: FileResult[] = [];
  for (const file of new Set(files)) {
    results.push(await runFile(file, output));
  }
  output.stdout.write(formatTap(results));
  return results.every((each) => each.results.every(isPassed)) ? 0 : 1;
}

async function runFile(input: string, output: Output): Promise<FileResult> {
  const { env, stderr } = output;
  const file = nameInput(input);
  let tests: ReturnType<typeof readTests> = { cases: [], diagnostics: [] };
  const loaded = decodeThen(
    file,
    () => readInput(input, output),
    (text) => {
      tests = readTests(file, text, env);
      return { diagnostics: tests.diagnostics };
    },
  );
  stderr.write(formatDiagnostics(loaded.diagnostics));
  if (tests.cases.length === 0) return { file, results: [unplayed(file, loaded.diagnostics)] };
  const results: TestResult[] = [];
  for (const each of tests.cases) {
    if ('problems' in each) {
      results.push(unplayed(each.name, each.problems));
      continue;
    }
    const played = await play(each);
    const differences = compare(each, played);
    results.push({ name: each.name, differences, problems: [], course: played.course });
  }
  return { file, results };
}

const unplayed = (name: string, problems: readonly Diagnostic[]): TestResult => ({
  name,
  differences: [],
  problems,
  course: [],
});
