/** All mutants of the folders that are judged, with the lines of the sources that they change. */
import { readFileSync, readdirSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { join } from 'node:path';
import { findMutations, mutate, type Mutation } from './operators.js';

/** The parts of `src` that decide what becomes of a call. */
export const FOLDERS = [
  'src/core',
  'src/policies',
  'src/http',
  'src/classify',
  'src/outbound/http1',
] as const;

export interface Mutant {
  /** The source file, such as `src/core/call.ts`, and the line in it. */
  readonly file: string;
  readonly line: number;
  /** What is compiled from it, such as `dist/src/core/call.js`: this is what is changed. */
  readonly module: string;
  readonly mutation: Mutation;
  /** The compiled line before and after the change; the first line only, if the change covers several. */
  readonly before: string;
  readonly after: string;
}

const lineAt = (text: string, offset: number): string => {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const end = text.indexOf('\n', offset);
  return text.slice(start, end === -1 ? text.length : end).trim();
};

/** A change in one line of words. */
export function describe(source: string, mutation: Mutation): { before: string; after: string } {
  const isLong = source.slice(mutation.start, mutation.end).includes('\n');
  const mutated = mutate(source, mutation);
  const before = lineAt(source, mutation.start);
  return { before: isLong ? `${before} ...` : before, after: lineAt(mutated, mutation.start) };
}

/** Row and column count from 0. */
function positionOf(source: string, offset: number): { row: number; column: number } {
  const before = source.slice(0, offset).split('\n');
  return { row: before.length - 1, column: before.at(-1)!.length };
}

/**
 * @param root the project, which is built.
 * @param folder such as `src/core`.
 */
export function findMutants(root: string, folder: string): Mutant[] {
  const names = readdirSync(join(root, folder), { recursive: true }) as string[];
  const modules = names.filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'));
  return modules.toSorted().flatMap((name) => {
    const file = `${folder}/${name.replaceAll('\\', '/')}`;
    const module = `dist/${file.replace(/ts$/, 'js')}`;
    const source = readFileSync(join(root, module), 'utf8');
    const map = new SourceMap(
      JSON.parse(readFileSync(join(root, `${module}.map`), 'utf8')) as SourceMapPayload,
    );
    return findMutations(source).map((mutation) => {
      const { row, column } = positionOf(source, mutation.start);
      const entry = map.findEntry(row, column);
      const line = 'originalLine' in entry ? entry.originalLine + 1 : row + 1;
      return { file, line, module, mutation, ...describe(source, mutation) };
    });
  });
}
