/** What `check` is given to look at: files, folders, ConfigMap manifests and standard input. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { checkText } from '../config/check.js';
import { decodeThen, type Loaded } from '../config/load.js';
import { Findings, sortDiagnostics, type Diagnostic } from '../config/syntax/diagnostics.js';
import type { FileAccess } from '../config/syntax/include.js';
import type { Environment } from '../config/syntax/interpolate.js';
import { MANIFEST_RULE, readManifest, type EmbeddedFile } from '../config/syntax/manifest.js';
import { describeFailure } from '../config/syntax/read-text.js';
import { STDIN, STDIN_NAME, type Output } from './output.js';

export interface Checked {
  readonly name: string;
  /** Absolute paths of the files that it includes. */
  readonly included: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
  /** Undefined where that cannot be told. */
  readonly upstreams: number | undefined;
}

/**
 * Checks each file once, however often it is named; of a folder, the files in it. A file of a folder that another one there
 * includes is checked with that one.
 */
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
    return leaveOutOtherManifests(leaveOutIncluded(checked));
  });
}

function leaveOutIncluded<T extends { name: string; included: readonly string[] }>(
  all: readonly T[],
): T[] {
  const included = new Set(all.flatMap((each) => each.included));
  return all.filter(({ name }) => !included.has(resolve(name)));
}

const includedBy = ({ texts = [] }: Loaded) =>
  texts.flatMap(({ file }) => (file === undefined ? [] : [resolve(file)]));

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
    return { name: folder, included: [], diagnostics: findings.list(), upstreams: undefined };
  };
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    return refuse(`cannot read the folder: ${describeFailure(error)}`);
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
    if (manifest === undefined) return checkText(text, name, env, { allowsUnset });
    const parts = manifest.configMaps.flatMap((files) =>
      checkEmbedded(files, name, env, allowsUnset),
    );
    const diagnostics = [...manifest.diagnostics, ...parts.flatMap((part) => part.diagnostics)];
    const upstreams = sumUpstreams(parts.filter(({ isOwn }) => isOwn));
    embedded = { name, included: [], diagnostics: sortDiagnostics(diagnostics, name), upstreams };
    return { diagnostics };
  });
  return (
    embedded ?? {
      name,
      included: includedBy(loaded),
      diagnostics: loaded.diagnostics,
      upstreams: sumUpstreams([loaded]),
    }
  );
}

const absent = (path: string) =>
  Object.assign(new Error(`the ConfigMap has no ${path}`), { code: 'ENOENT' });

/** The files of one ConfigMap lie in one folder, so they may include each other. @returns them with places in the manifest. */
function checkEmbedded(
  files: readonly EmbeddedFile[],
  manifest: string,
  env: Environment,
  allowsUnset: boolean,
) {
  const folder = dirname(manifest);
  const byPath = new Map(files.map((file) => [join(folder, file.key), file]));
  const access: FileAccess = {
    list(path) {
      if (path !== folder) throw absent(path);
      return files.map(({ key }) => key);
    },
    read(path) {
      const file = byPath.get(path);
      if (file === undefined) throw absent(path);
      return Buffer.from(file.text);
    },
  };
  const checked = [...byPath].map(([name, file]) => {
    const { text, isOwn } = file;
    const part = isOwn
      ? checkText(text, name, env, { allowsUnset, files: access })
      : leaveOut(file, name);
    return { ...part, isOwn, name, included: includedBy(part) };
  });
  return leaveOutIncluded(checked).map((part) => ({
    ...part,
    diagnostics: part.diagnostics.map((found) => ({
      ...found,
      file: manifest,
      ...byPath.get(found.file)?.locate({ line: found.line, column: found.column }),
    })),
  }));
}

function leaveOut({ key }: EmbeddedFile, name: string): Loaded {
  const findings = new Findings(name);
  const message = `${key} is not checked, because it has no \`upstreams\` and another file here has them`;
  findings.report('info', MANIFEST_RULE, { line: 1, column: 1 }, [], message);
  return { diagnostics: findings.list() };
}

function sumUpstreams(parts: readonly Loaded[]): number | undefined {
  const counts = parts.map(({ config }) => config?.upstreams.length);
  return counts.includes(undefined)
    ? undefined
    : (counts as number[]).reduce((sum, count) => sum + count, 0);
}
