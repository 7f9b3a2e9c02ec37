/** `breakwater import`: prints files of another system as a Breakwater file, with comments on what differs. */
import { statSync } from 'node:fs';
import { decodeThen } from '../config/load.js';
import { formatDiagnostics, type Diagnostic } from '../config/syntax/diagnostics.js';
import { importFiles, type ForeignText, type SystemName } from '../importing/index.js';
import { nameInput, readInput, type Output } from './output.js';

export type { SystemName } from '../importing/index.js';

const hasFile = (path: string) => statSync(path, { throwIfNoEntry: false })?.isFile() === true;

/** @returns the exit code: 1 where nothing could be read. */
export function importForeign(
  system: SystemName,
  paths: readonly string[],
  output: Output,
): number {
  const files: ForeignText[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const path of new Set(paths)) {
    const name = nameInput(path);
    const read = () => readInput(path, output);
    const loaded = decodeThen(name, read, (text) => {
      files.push({ name, text });
      return { diagnostics: [] };
    });
    diagnostics.push(...loaded.diagnostics);
  }
  const imported = importFiles(system, files, { hasFile });
  output.stderr.write(formatDiagnostics([...diagnostics, ...imported.diagnostics]));
  if (imported.text === undefined) return 1;
  output.stdout.write(imported.text);
  return 0;
}
