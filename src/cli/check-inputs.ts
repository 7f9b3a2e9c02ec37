/** What `check` is given to look at: files, folders, ConfigMap manifests and standard input. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { checkText } from '../config/check.js';
import { decodeThen, type Loaded } from '../config/load.js';
import { Findings, sortDiagnostics, type Diagnostic } from '../config/syntax/diagnostics.js';
import { readManifest } from '../config/syntax/manifest.js';
import type { Output } from './output.js';

/** Standard input on the command line, and what it is called in messages. */
export const STDIN = '-';
const STDIN_NAME = 'stdin';

export interface Checked {
  readonly name: string;
  readonly diagnostics: readonly Diagnostic[];
  /** Undefined where that cannot be told. */
  readonly upstreams: number | undefined;
}

/** What there is in a folder itself is checked one by one. */
export function checkInputs(
  inputs: readonly string[],
  allowsUnset: boolean,
  output: Output,
): Checked[] {
  return [...new Set(inputs)].flatMap((input) => {
    if (input === STDIN) {
      return [
        checkBytes(STDIN_NAME, () => output.stdin?.() ?? Buffer.alloc(0), allowsUnset, output),
      ];
    }
    if (!isFolder(input)) return [checkFile(input, allowsUnset, output)];
    const files = listFolder(input);
    return files.length === 0
      ? [emptyFolder(input)]
      : files.map((file) => checkFile(file, allowsUnset, output));
  });
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** In the order of their names. */
function listFolder(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => /\.ya?ml$/.test(name))
    .toSorted()
    .map((name) => join(folder, name))
    .filter((path) => !isFolder(path));
}

function emptyFolder(name: string): Checked {
  const findings = new Findings(name);
  const message =
    'this folder has no file whose name ends in .yaml or .yml; subfolders do not count';
  findings.error('unreadable-file', { line: 1, column: 1 }, [], message);
  return { name, diagnostics: findings.list(), upstreams: undefined };
}

const checkFile = (file: string, allowsUnset: boolean, output: Output) =>
  checkBytes(file, () => readFileSync(file), allowsUnset, output);

function checkBytes(
  name: string,
  read: () => Uint8Array,
  allowsUnset: boolean,
  { env }: Output,
): Checked {
  let embedded: Checked | undefined;
  const loaded = decodeThen(name, read, (text) => {
    const manifest = readManifest(text, name);
    if (manifest === undefined) return checkText(text, name, env, allowsUnset);
    const parts = manifest.files.map(({ text, locate }): Loaded => {
      const part = checkText(text, name, env, allowsUnset);
      const moved = part.diagnostics.map((found) => ({ ...found, ...locate(found) }));
      return { ...part, diagnostics: moved };
    });
    const diagnostics = [...manifest.diagnostics, ...parts.flatMap((part) => part.diagnostics)];
    embedded = { name, diagnostics: sortDiagnostics(diagnostics), upstreams: sumUpstreams(parts) };
    return { diagnostics };
  });
  return embedded ?? { name, diagnostics: loaded.diagnostics, upstreams: sumUpstreams([loaded]) };
}

function sumUpstreams(parts: readonly Loaded[]): number | undefined {
  const counts = parts.map(({ config }) => config?.upstreams.length);
  return counts.includes(undefined)
    ? undefined
    : (counts as number[]).reduce((sum, count) => sum + count, 0);
}
