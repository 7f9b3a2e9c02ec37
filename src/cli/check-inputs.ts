/** What `check` is given to look at: files, folders, ConfigMap manifests and standard input. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { checkText } from '../config/check.js';
import { decodeThen, describeReadFailure, type Loaded } from '../config/load.js';
import { Findings, sortDiagnostics, type Diagnostic } from '../config/syntax/diagnostics.js';
import { MANIFEST_RULE, readManifest } from '../config/syntax/manifest.js';
import { STDIN, STDIN_NAME, type Output } from './output.js';

export interface Checked {
  readonly name: string;
  readonly diagnostics: readonly Diagnostic[];
  /** Undefined where that cannot be told. */
  readonly upstreams: number | undefined;
}

/** Checks each file once, however often it is named; of a folder, the files in it. */
export function checkInputs(
  inputs: readonly string[],
  allowsUnset: boolean,
  output: Output,
): Checked[] {
  const seen = new Set<string>();
  const isNew = (path: string) => {
    const isKnown = seen.has(path);
    seen.add(path);
    return !isKnown;
  };
  const checkFile = (file: string) =>
    checkBytes(file, () => readFileSync(file), allowsUnset, output);
  return inputs.flatMap((input) => {
    if (input === STDIN) {
      const read = () => output.stdin?.() ?? Buffer.alloc(0);
      return isNew(STDIN) ? [checkBytes(STDIN_NAME, read, allowsUnset, output)] : [];
    }
    if (!isFolder(input)) return isNew(resolve(input)) ? [checkFile(input)] : [];
    const files = listFolder(input);
    if (!Array.isArray(files)) return [files];
    const checked = files.filter((file) => isNew(resolve(file))).map(checkFile);
    return leaveOutOtherManifests(checked);
  });
}

/** False also for what cannot be looked at: reading it as a file says why. */
function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** @returns the files in the order of their names, or what is wrong with the folder. */
function listFolder(folder: string): string[] | Checked {
  const refuse = (message: string): Checked => {
    const findings = new Findings(folder);
    findings.error('unreadable-file', { line: 1, column: 1 }, [], message);
    return { name: folder, diagnostics: findings.list(), upstreams: undefined };
  };
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    return refuse(`cannot read the folder: ${describeReadFailure(error)}`);
  }
  const files = names
    .filter((name) => /\.ya?ml$/.test(name))
    .toSorted()
    .map((name) => join(folder, name))
    .filter((path) => !isFolder(path));
  return files.length > 0
    ? files
    : refuse('this folder has no file whose name ends in .yaml or .yml; subfolders do not count');
}

/** Manifests of other things lie beside a ConfigMap. They are errors only where nothing else is there. */
function leaveOutOtherManifests(checked: readonly Checked[]): readonly Checked[] {
  const isOther = ({ diagnostics }: Checked) =>
    diagnostics.some(({ rule, level }) => rule === MANIFEST_RULE && level === 'error');
  if (checked.every(isOther)) return checked;
  return checked.map((each) => {
    if (!isOther(each)) return each;
    const told = each.diagnostics.map((found): Diagnostic => ({ ...found, level: 'info' }));
    return { ...each, diagnostics: told, upstreams: undefined };
  });
}

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
