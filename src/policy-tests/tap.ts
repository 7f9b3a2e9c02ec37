/** The results of policy tests in the Test Anything Protocol, version 14. */
import { formatDiagnostic, type Diagnostic } from '../config/syntax/diagnostics.js';
import { writeYaml, type WrittenEntry, type WrittenMap } from '../config/syntax/write.js';
import type { Difference } from './compare.js';
import type { Happening } from './play.js';
import { showTime } from './show-time.js';

export interface TestResult {
  readonly name: string;
  /** None where the case holds. */
  readonly differences: readonly Difference[];
  /** Why it could not be played. */
  readonly problems: readonly Diagnostic[];
  readonly course: readonly Happening[];
}

export interface FileResult {
  readonly file: string;
  readonly results: readonly TestResult[];
}

export const isPassed = ({ differences, problems }: TestResult): boolean =>
  differences.length === 0 && problems.length === 0;

const MOST_HAPPENINGS = 40;

/** A title has no line breaks; `#` would begin a directive. */
const title = (name: string) =>
  name.replaceAll(/\s+/g, ' ').trim().replaceAll('\\', '\\\\').replaceAll('#', '\\#');

const entry = (value: WrittenEntry['value']): WrittenEntry => ({ above: [], value });

/** `status`, or `request 2: status` where there are several requests. */
const nameOf = ({ request, key }: Difference) =>
  request === undefined ? key : `request ${request}: ${key}`;

function explain(file: string, { differences, problems, course }: TestResult): WrittenMap {
  const [problem] = problems;
  if (problem !== undefined) {
    return new Map([
      ['message', entry('cannot be played, because it or its configuration has errors')],
      ['problems', entry(`${problems.map(formatDiagnostic).join('\n')}\n`)],
    ]);
  }
  const [first] = differences;
  const { line, column } = first!.position;
  const side = (pick: (difference: Difference) => string | number | boolean): WrittenMap =>
    new Map(differences.map((each) => [nameOf(each), entry(pick(each))]));
  const happenings = course
    .slice(0, MOST_HAPPENINGS)
    .map(({ atMs, text }) => `${showTime(atMs)} ${text}`);
  if (course.length > MOST_HAPPENINGS) happenings.push(`${course.length - MOST_HAPPENINGS} more`);
  const sentence = differences
    .map((each) => `${nameOf(each)}: ${String(each.actual)} instead of ${String(each.expected)}`)
    .join('; ');
  return new Map([
    ['message', entry(sentence)],
    ['at', entry(`${file}:${line}:${column}`)],
    ['expected', entry(side(({ expected }) => expected))],
    ['actual', entry(side(({ actual }) => actual))],
    ['course', entry(`${happenings.join('\n')}\n`)],
  ]);
}

const indent = (text: string) => text.replaceAll(/^(?=.)/gm, '  ');

function formatResult(file: string, number: number, result: TestResult): string {
  if (isPassed(result)) return `ok ${number} - ${title(result.name)}\n`;
  const yaml = writeYaml(explain(file, result), []);
  return `not ok ${number} - ${title(result.name)}\n${indent(`---\n${yaml}...\n`)}`;
}

export function formatTap(files: readonly FileResult[]): string {
  const count = files.reduce((sum, { results }) => sum + results.length, 0);
  let number = 0;
  const lines = files.flatMap(({ file, results }) => [
    `# ${file}\n`,
    ...results.map((result) => formatResult(file, (number += 1), result)),
  ]);
  return `TAP version 14\n1..${count}\n${lines.join('')}`;
}
