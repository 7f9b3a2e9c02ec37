/** Plays a text with policy tests. */
import { compare, type Difference } from '../../src/policy-tests/compare.js';
import { play, type Played } from '../../src/policy-tests/play.js';
import { readTests } from '../../src/policy-tests/read-file.js';

export interface CaseResult {
  readonly name: string;
  readonly played: Played;
  readonly differences: readonly Difference[];
  /** `status: 503 instead of 200` */
  readonly sentences: readonly string[];
}

const show = ({ request, key, expected, actual }: Difference) =>
  `${request === undefined ? '' : `${request} `}${key}: ${String(actual)} instead of ${String(expected)}`;

/** @throws where the text has an error. */
export async function playText(text: string): Promise<CaseResult[]> {
  const { cases, diagnostics } = readTests('tests.yaml', text, {});
  if (diagnostics.length > 0) throw new Error(JSON.stringify(diagnostics));
  const results: CaseResult[] = [];
  for (const test of cases) {
    if ('problems' in test) throw new Error(`Cannot play ${test.name}`);
    const played = await play(test);
    const differences = compare(test, played);
    results.push({ name: test.name, played, differences, sentences: differences.map(show) });
  }
  return results;
}

/** The errors of a text as `LINE:COLUMN PATH: MESSAGE`. */
export const errorsIn = (text: string): string[] =>
  readTests('tests.yaml', text, {}).diagnostics.map(
    ({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`,
  );
