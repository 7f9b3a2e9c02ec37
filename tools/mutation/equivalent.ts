/** Mutants of which a person has found that no test can tell them from the program, each with the reason. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Mutant } from './mutants.js';

export interface Equivalent {
  readonly file: string;
  /** The compiled line before and after the change, as {@link Mutant} has them. */
  readonly before: string;
  readonly after: string;
  readonly reason: string;
}

/** Reads `tools/mutation/equivalent.json`. */
export function readEquivalents(root: string): Equivalent[] {
  const path = join(root, 'tools/mutation/equivalent.json');
  return JSON.parse(readFileSync(path, 'utf8')) as Equivalent[];
}

/** The entry for that mutant. A line that was changed since is judged anew. */
export function findEquivalent(
  mutant: Pick<Mutant, 'file' | 'before' | 'after'>,
  equivalents: readonly Equivalent[],
): Equivalent | undefined {
  return equivalents.find(
    ({ file, before, after }) =>
      file === mutant.file && before === mutant.before && after === mutant.after,
  );
}

const code = (line: string): string => `\`${line.replaceAll('|', '\\|')}\``;

/** The table of docs/quality.md. */
export function equivalentTable(equivalents: readonly Equivalent[]): string {
  const rows = equivalents.map(
    ({ file, before, after, reason }) =>
      `| \`${file}\` | ${code(before)} | ${code(after)} | ${reason} |`,
  );
  return [
    '| File | Line | As a mutant | Why no test can notice it |',
    '|---|---|---|---|',
    ...rows,
  ].join('\n');
}
