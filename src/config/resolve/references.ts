/** What policies refer to outside of their options: that upstreams and files exist, and that header fields can be sent. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { PolicyList, References, SettingsPath } from '../../core/policy.js';
import { didYouMean, listWords, type Findings, type Path } from '../syntax/diagnostics.js';
import { entriesOf, entryOf, textOf, valueOf, type SourceNode } from '../syntax/source.js';
import { checkHeaders } from './header-fields.js';
import { findLoops } from './loops.js';
import { keyPlaces, nodesAt, type Place } from './source-paths.js';

/** Contents of the files that options name, by name as written. */
export type Files = ReadonlyMap<string, Buffer>;

/** Checks every reference there is, whether it is in force anywhere or not, and reads the files. */
export function readReferences(root: SourceNode, findings: Findings, policies: PolicyList): Files {
  const files = new Map<string, Buffer>();
  const names = [...entriesOf(valueOf(root, 'upstreams')).keys()];
  for (const policy of policies) {
    const { name, references } = policy;
    if (references === undefined) continue;
    for (const options of keyPlaces(root, name)) {
      checkReferences(options, references, names, files, findings);
    }
    findLoops(root, policy, findings);
  }
  return files;
}

function checkReferences(
  options: Place,
  { upstreams = [], files: wanted = [], headers = [] }: References,
  names: readonly string[],
  files: Map<string, Buffer>,
  findings: Findings,
): void {
  const all = (paths: readonly SettingsPath[]) => paths.flatMap((path) => nodesAt(options, path));
  for (const place of all(upstreams)) checkUpstream(place, names, findings);
  for (const { node, path } of all(headers)) checkHeaders(node, path, findings);
  for (const { at, into } of wanted) {
    const key = at.at(-1)!;
    for (const owner of nodesAt(options, at.slice(0, -1))) {
      checkFile(owner, key, into, files, findings);
    }
  }
}

function checkUpstream({ node, path }: Place, names: readonly string[], findings: Findings): void {
  const name = textOf(node);
  if (name === undefined || names.includes(name)) return;
  const message = `no upstream is named ${JSON.stringify(name)};${didYouMean(name, names)} defined are ${listWords(names, 'and')}`;
  findings.error('unknown-upstream', node.position, path, message);
}

function checkFile(
  owner: Place,
  key: string,
  into: string,
  files: Map<string, Buffer>,
  findings: Findings,
): void {
  const entry = entryOf(owner.node, key);
  if (entry === undefined) return;
  const path = [...owner.path, key];
  if (entryOf(owner.node, into) !== undefined) {
    const message = `cannot stand beside \`${into}\`; keep one of the two`;
    findings.error('two-bodies', entry.key, path, message);
  }
  readFile(entry.value, path, files, findings);
}

function readFile(
  node: SourceNode,
  path: Path,
  files: Map<string, Buffer>,
  findings: Findings,
): void {
  const name = textOf(node);
  if (name === undefined || files.has(name)) return;
  try {
    files.set(name, readFileSync(resolve(dirname(findings.file), name)));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const message = `cannot read ${JSON.stringify(name)}, looked for from the folder of ${findings.nameFile(node.position)}: ${code}`;
    findings.error('unreadable-file', node.position, path, message);
  }
}

type Mapping = Readonly<Record<string, unknown>>;

const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A copy of `value` with the content of the file that is named at `path` in the key `into` beside the name. */
function fillAt(
  value: unknown,
  [step, ...rest]: SettingsPath,
  into: string,
  files: Files,
): unknown {
  if (step === '*') {
    return Array.isArray(value) ? value.map((item) => fillAt(item, rest, into, files)) : value;
  }
  if (step === undefined || !isMapping(value) || value[step] === undefined) return value;
  return rest.length === 0
    ? { ...value, [into]: files.get(value[step] as string) }
    : { ...value, [step]: fillAt(value[step], rest, into, files) };
}

/** The settings with the contents of files beside their names. */
export function fillFiles(settings: Mapping, policies: PolicyList, files: Files): Mapping {
  let filled = settings;
  for (const { name, references } of policies) {
    for (const { at, into } of references?.files ?? []) {
      if (filled[name] === 'off') continue;
      filled = { ...filled, [name]: fillAt(filled[name], at, into, files) };
    }
  }
  return filled;
}
