/**
 * `node together.js FILE...` runs test files in one process, one after the other, because to start a process takes longer than most of
 * them do. Prints the name of each file before it begins.
 */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';

for (const path of process.argv.slice(2)) {
  t.comment(`file ${path}`);
  await import(pathToFileURL(resolve(path)).href);
  // Tests run in the order in which they were asked for, so at its end all of the file have ended.
  await t.test('end of the file', async () => {});
}
