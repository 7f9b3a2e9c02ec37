/** Compares two snapshots, and finds the changes that the changelog does not name. */
import type { Entries, Snapshot } from './snapshot.js';

export interface Change {
  readonly section: string;
  readonly name: string;
  readonly kind: 'added' | 'removed' | 'changed';
}

function kindOf(name: string, before: Entries, after: Entries): Change['kind'] | undefined {
  if (!(name in before)) return 'added';
  if (!(name in after)) return 'removed';
  return JSON.stringify(before[name]) === JSON.stringify(after[name]) ? undefined : 'changed';
}

/** `retry` of `retry.maxAttempts`, `check` of `check --strict`. */
const parentOf = (name: string) => name.replace(/[. ][^. ]*$/, '');

/** Where a whole key or command comes or goes, only it is listed, without what is below it. */
export function listChanges(before: Snapshot, after: Snapshot): Change[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((section) => {
    const [old = {}, current = {}] = [before[section], after[section]];
    const names = [...new Set([...Object.keys(old), ...Object.keys(current)])];
    return names.flatMap((name): Change[] => {
      const kind = kindOf(name, old, current);
      if (kind === undefined) return [];
      const parent = parentOf(name);
      const isTold =
        kind !== 'changed' && parent !== name && names.includes(parent)
          ? kindOf(parent, old, current) === kind
          : false;
      return isTold ? [] : [{ section, name, kind }];
    });
  });
}

/** The text of a chapter `## title` of the changelog; undefined without one. */
export function chapterOf(changelog: string, title: string): string | undefined {
  const chapters = changelog.split(/^## /m).slice(1);
  return chapters.find((chapter) => chapter.split('\n', 1)[0]!.trim() === title);
}

/** A name counts as named where it stands between backquotes as a whole, alone or with more: `retry.maxAttempts: 3`. */
export function findUnnamed(changes: readonly Change[], text: string): Change[] {
  const code = [...text.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
  return changes.filter(({ section, name }) => {
    // A header is named without its direction.
    const wanted = section === 'headers' ? name.split(' ')[0]! : name;
    const escaped = wanted.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&');
    const whole = new RegExp(`(?<![\\w./-])${escaped}(?![\\w/-]|\\.\\w)`);
    return !code.some((span) => whole.test(span));
  });
}
