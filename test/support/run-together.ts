/** Runs the test files of whole folders in this process: to start one for each takes longer than most of them do. */
import { readdirSync } from 'node:fs';

/** @param folders below `test`; package.json keeps the runner from starting their files by themselves. */
export async function runTogether(...folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    const place = new URL(`../${folder}/`, import.meta.url);
    for (const name of readdirSync(place)) {
      if (name.endsWith('.test.js')) await import(new URL(name, place).href);
    }
  }
}
