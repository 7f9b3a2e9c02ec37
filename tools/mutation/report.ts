/** The figures of a run: by folder, and every mutant that survived. */
import { FOLDERS } from './mutants.js';

/**
 * - killed: a test failed.
 * - timed out: the tests did not end in their processor time, so that the mutant would have been noticed.
 * - survived: all tests that were run passed.
 * - equivalent: not run, because equivalent.json says why no test can notice it.
 */
export type Status = 'killed' | 'timed out' | 'survived' | 'equivalent';

export interface Result {
  readonly file: string;
  readonly line: number;
  readonly operator: string;
  readonly before: string;
  readonly after: string;
  readonly status: Status;
  /** The test file that noticed it. */
  readonly test?: string;
}

export interface FolderScore {
  readonly folder: string;
  readonly mutants: number;
  readonly killed: number;
  readonly timedOut: number;
  readonly survived: number;
  readonly equivalent: number;
  /** Noticed mutants of those that are not equivalent, from 0 to 1. NaN for none. */
  readonly score: number;
}

function scoreOf(folder: string, results: readonly Result[]): FolderScore {
  const count = (...statuses: readonly Status[]) =>
    results.filter(({ status }) => statuses.includes(status)).length;
  const killed = count('killed');
  const timedOut = count('timed out');
  const equivalent = count('equivalent');
  return {
    folder,
    mutants: results.length,
    killed,
    timedOut,
    survived: count('survived'),
    equivalent,
    score: (killed + timedOut) / (results.length - equivalent),
  };
}

/** The folders of which mutants were run, and all of them together in the last row. */
export function scores(results: readonly Result[]): FolderScore[] {
  const rows = FOLDERS.map((folder) =>
    scoreOf(
      folder,
      results.filter(({ file }) => file.startsWith(`${folder}/`)),
    ),
  );
  return [...rows.filter(({ mutants }) => mutants > 0), scoreOf('all', results)];
}

/** A share as a percentage with one digit behind the point, rounded down, so that 95.97% is not shown as 96%. */
export const percent = (share: number): string => `${(Math.floor(share * 1000) / 10).toFixed(1)}%`;

/** The rows as a Markdown table. */
export function formatScores(rows: readonly FolderScore[]): string {
  const lines = rows.map(
    ({ folder, mutants, killed, timedOut, survived, equivalent, score }) =>
      `| ${folder === 'all' ? folder : `\`${folder}\``} | ${mutants} | ${killed} | ${timedOut} | ${survived} | ${equivalent} | ${percent(score)} |`,
  );
  return [
    '| Folder | Mutants | Killed | Timed out | Survived | Equivalent | Score |',
    '|---|---:|---:|---:|---:|---:|---:|',
    ...lines,
  ].join('\n');
}
