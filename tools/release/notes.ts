/** The notes of a release: its chapter of the changelog. */
import { chapterOf } from '../compatibility/changes.js';

/** Links within the project: to a file, not to a place in the same text or on another host. */
const LINK = /\]\((?!#|[a-z]+:)([^)]+)\)/g;

/**
 * @param base where links within the project lead from outside of it, with a slash at its end.
 * @throws if there is nothing to tell of that version.
 */
export function releaseNotes(changelog: string, version: string, base: string): string {
  const chapter = chapterOf(changelog, version);
  if (chapter === undefined) {
    throw new Error(`Cannot write the notes because CHANGELOG.md has no chapter "## ${version}"`);
  }
  const text = chapter.slice(version.length).trim();
  if (text === '') {
    throw new Error(
      `Cannot write the notes because the chapter "## ${version}" of CHANGELOG.md is empty`,
    );
  }
  return `${text.replaceAll(LINK, `](${base}$1)`)}\n`;
}

/** @throws unless the tag is that of the version: `v1.2.3` for `1.2.3`. */
export function checkTag(tag: string, version: string): void {
  if (tag !== `v${version}`) {
    throw new Error(
      `Cannot release ${tag} because package.json has version ${version}, whose tag is v${version}`,
    );
  }
}
