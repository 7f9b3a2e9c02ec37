/** Patterns of `include`: paths in which `*` stands for any part of a name. */
import { readdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** The names in a folder. @throws where there is no such folder. */
export type ListFolder = (folder: string) => readonly string[];

/** @returns what is wrong with a pattern. */
export function patternProblem(pattern: string): string | undefined {
  if (pattern.includes('**')) {
    return '`**` is not allowed; write a pattern for each level of folders, such as teams/*/*.yaml';
  }
  return /[?[\]{}]/.test(pattern)
    ? 'only `*` is allowed, which stands for any part of a name'
    : undefined;
}

export const hasStar = (pattern: string) => pattern.includes('*');

/** As in a shell, a star does not stand for the dot of a hidden file. */
function matcher(segment: string): (name: string) => boolean {
  const escaped = segment.replaceAll(/[.+^$()|\\]/g, String.raw`\$&`).replaceAll('*', '.*');
  const expression = new RegExp(`^${escaped}$`, 's');
  return (name) => expression.test(name) && (segment.startsWith('.') || !name.startsWith('.'));
}

/** Yields each folder whose names it needs to know. @returns the paths that match, sorted within their folders. */
function* expand(pattern: string): Generator<string, string[], readonly string[]> {
  let found = [pattern.startsWith('/') ? '/' : ''];
  let isFixed = true;
  for (const segment of pattern.split('/').filter((part) => part !== '')) {
    isFixed &&= !hasStar(segment);
    if (isFixed) {
      found = [join(found[0]!, segment)];
      continue;
    }
    const matches = matcher(segment);
    const next: string[] = [];
    for (const folder of found) {
      const names = yield folder === '' ? '.' : folder;
      next.push(
        ...names
          .filter(matches)
          .toSorted()
          .map((name) => join(folder, name)),
      );
    }
    found = next;
  }
  return found;
}

const isAbsent = (error: unknown) =>
  ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');

/** What cannot be looked into because it is no folder has no names. */
function noNames(error: unknown): readonly string[] {
  if (isAbsent(error)) return [];
  throw error;
}

/** The paths that match. A pattern without a star is the one path, whether it is there or not. @throws as `list`. */
export function matchPattern(pattern: string, list: ListFolder = readdirSync): string[] {
  const search = expand(pattern);
  let step = search.next([]);
  while (step.done !== true) {
    let names: readonly string[];
    try {
      names = list(step.value);
    } catch (error) {
      names = noNames(error);
    }
    step = search.next(names);
  }
  return step.value;
}

/** As `matchPattern`, on the disk and without holding up anything else. */
export async function matchPatternLater(pattern: string): Promise<string[]> {
  const search = expand(pattern);
  let step = search.next([]);
  while (step.done !== true) step = search.next(await readdir(step.value).catch(noNames));
  return step.value;
}
