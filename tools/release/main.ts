/**
 * `npm run release:notes -- TAG BASE`: checks that the tag fits package.json, and prints what CHANGELOG.md tells of that
 * version. BASE is the address of the project's files at that tag.
 */
import { readFileSync } from 'node:fs';
import { version } from '../../src/version.js';
import { checkTag, releaseNotes } from './notes.js';

const [tag = '', base = ''] = process.argv.slice(2);
const changelog = readFileSync(new URL('../../../CHANGELOG.md', import.meta.url), 'utf8');
try {
  checkTag(tag, version);
  process.stdout.write(releaseNotes(changelog, version, base));
} catch (error) {
  console.error(String(error instanceof Error ? error.message : error));
  process.exitCode = 1;
}
