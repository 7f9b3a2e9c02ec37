/**
 * `npm run mutation`: puts small mistakes into the compiled program, one at a time, and shows which of them no test notices.
 *
 *   npm run mutation -- [--count N] [--seed N] [--only PATH] [--unit] [--jobs N] [--json FILE] [--again FILE]
 *
 * `--only` takes a folder or a file of those that are judged. `--unit` leaves tests of the whole program out. `--json` writes every
 * result, after each of them, so that a run that is stopped is not lost. `--again` takes over what was noticed in an earlier run, from
 * its file, and runs the survivors and what is missing. Everything runs at the lowest priority. Ends with 1 if less than 96% of the mutants were noticed.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findEquivalent, readEquivalents } from './equivalent.js';
import { FOLDERS, findMutants, type Mutant } from './mutants.js';
import { formatScores, percent, scores, type Result } from './report.js';
import { runMutants } from './run.js';
import { shuffle, takeInTurns } from './sample.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const WANTED = 0.96;

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '440' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: 'src' },
    unit: { type: 'boolean', default: false },
    jobs: { type: 'string', default: '2' },
    json: { type: 'string' },
    again: { type: 'string' },
  },
});

function fail(reason: string): never {
  console.error(`Cannot run because ${reason}`);
  process.exit(2);
}

function wholeNumber(name: 'count' | 'seed' | 'jobs'): number {
  const number = Number(values[name]);
  if (Number.isSafeInteger(number) && number > 0) return number;
  return fail(`--${name} is ${values[name]}: it must be a whole number from 1`);
}

interface Figures {
  readonly date: string;
  readonly node: string;
  readonly seed: number;
  readonly results: readonly Result[];
}

setPriority(19);
const seed = wholeNumber('seed');
const count = wholeNumber('count');
const jobs = wholeNumber('jobs');
const all = FOLDERS.map((folder) =>
  findMutants(ROOT, folder).filter(({ file }) => file.startsWith(values.only)),
);

type Line = Pick<Result, 'file' | 'line' | 'operator' | 'before' | 'after'>;
const lineOf = ({ file, line, mutation, before, after }: Mutant): Line => ({
  file,
  line,
  operator: mutation.operator,
  before,
  after,
});

/** Lines that are equal have equal keys, so that a change elsewhere in the file does not matter. */
const keyOf = ({ file, before, after }: Line) => JSON.stringify([file, before, after]);

function sample(): Mutant[] {
  const shuffled = all.map((mutants) => shuffle(mutants, seed, (mutant) => keyOf(lineOf(mutant))));
  return takeInTurns(shuffled, count);
}

function readNoticed(path: string): Map<string, Result> {
  const { results } = JSON.parse(readFileSync(path, 'utf8')) as Figures;
  const noticed = results.filter(({ status }) => status === 'killed' || status === 'timed out');
  return new Map(noticed.map((result) => [keyOf(result), result]));
}

/** The mutants to run, and the results that stand already. */
function plan(): { mutants: Mutant[]; results: Result[] } {
  const mutants: Mutant[] = [];
  const results: Result[] = [];
  const equivalents = readEquivalents(ROOT);
  const noticed = values.again === undefined ? undefined : readNoticed(values.again);
  for (const mutant of sample()) {
    const line = lineOf(mutant);
    const known = noticed?.get(keyOf(line));
    if (findEquivalent(mutant, equivalents)) results.push({ ...line, status: 'equivalent' });
    else if (known) results.push({ ...known, line: mutant.line });
    else mutants.push(mutant);
  }
  return { mutants, results };
}

const { mutants, results } = plan();
if (mutants.length + results.length === 0)
  fail(`nothing of ${values.only} is judged; the folders are ${FOLDERS.join(', ')}`);

function write(): void {
  if (values.json === undefined) return;
  const date = new Date().toISOString().slice(0, 10);
  const figures: Figures = { date, node: process.version, seed, results };
  writeFileSync(values.json, `${JSON.stringify(figures, null, 2)}\n`);
}

let ended = 0;
await runMutants(ROOT, mutants, {
  jobs,
  isUnitOnly: values.unit,
  onResult(result) {
    const { file, line, status, test, before, after } = result;
    ended += 1;
    const by = test === undefined ? '' : ` by ${test}`;
    console.log(
      `${ended} of ${mutants.length} ${status}${by}: ${file}:${line}  ${before}  =>  ${after}`,
    );
    results.push(result);
    write();
  },
});
write();
for (const { file, line, before, after } of results.filter(({ status }) => status === 'survived'))
  console.log(`survived: ${file}:${line}\n  ${before}\n  ${after}`);
const rows = scores(results);
console.log(`\n${formatScores(rows)}`);
const { score } = rows.at(-1)!;
if (!(score >= WANTED)) {
  console.error(`${percent(score)} of the mutants were noticed; ${percent(WANTED)} are wanted`);
  process.exitCode = 1;
}
