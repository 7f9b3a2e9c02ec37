/** Runs the test files of whole folders in this process: to start one for each takes longer than most of them do. */
import { readdirSync } from 'node:fs';

const sources = new URL('../../../test/', import.meta.url);
const compiled = new URL('../', import.meta.url);

/**
 * None of the files may ask for a teardown outside of its tests: tap would then take the pause while the next is loaded
 * for the end of all.
 *
 * @param folders below `test`; package.json keeps the runner from starting their files by themselves.
 */
export async function runTogether(...folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    // Not what is compiled: the compiler leaves files there whose source has gone.
    for (const name of readdirSync(new URL(`${folder}/`, sources), {
      recursive: true,
    }) as string[]) {
      if (!name.endsWith('.test.ts')) continue;
      await import(new URL(`${folder}/${name.replace(/ts$/, 'js')}`, compiled).href);
    }
  }
}
