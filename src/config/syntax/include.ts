/** Puts the files that a configuration includes together with it. What is written in two files is an error. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import type { Findings, Path } from './diagnostics.js';
import { hasStar, matchPattern, patternProblem, type ListFolder } from './file-pattern.js';
import { describeFailure, readText } from './read-text.js';
import {
  entriesOf,
  itemsOf,
  textOf,
  valueOf,
  type SourceEntry,
  type SourceMap,
  type SourceNode,
} from './source.js';

/** What a configuration is read from. */
export interface SourceText {
  readonly text: string;
  /** The name of an included file; undefined for the file that was given. */
  readonly file?: string;
}

/** Where included files are. */
export interface FileAccess {
  readonly list: ListFolder;
  /** @throws where it cannot be read. */
  readonly read: (path: string) => Uint8Array;
}

export const disk: FileAccess = { list: (folder) => readdirSync(folder), read: readFileSync };

/** A configuration with all that it includes. */
export interface Joined {
  readonly root: SourceNode;
  /** The file that was given comes first. */
  readonly texts: readonly SourceText[];
  /** The paths and patterns of `include`, as seen from the working directory. */
  readonly patterns: readonly string[];
}

export interface IncludeContext {
  readonly findings: Findings;
  readonly files: FileAccess;
  /** @returns undefined where it cannot be read; `findings` has the reason. */
  readonly parse: (text: string, file: string) => SourceNode | undefined;
}

/** Sections whose entries have names, so that each file can add its own. */
const namedSections: ReadonlySet<string> = new Set(['profiles', 'upstreams']);

/** @param root of `text`, which is that of the file that was given. */
export function joinIncluded(root: SourceNode, text: string, context: IncludeContext): Joined {
  const include = valueOf(root, 'include');
  if (include === undefined || root.kind !== 'map')
    return { root, texts: [{ text }], patterns: [] };
  const { findings, parse } = context;
  const texts: SourceText[] = [{ text }];
  const patterns: string[] = [];
  const merged = new Map(root.entries);
  for (const [i, item] of itemsOf(include).entries()) {
    const written = textOf(item) ?? '';
    if (written === '') continue;
    const path = ['include', i];
    const problem = patternProblem(written);
    if (problem !== undefined) {
      findings.error('include', item.position, path, problem);
      continue;
    }
    const folder = dirname(findings.file);
    const pattern = isAbsolute(written) ? join(written) : join(folder, written);
    patterns.push(pattern);
    const known = new Set(texts.map(({ file }) => file));
    for (const source of readMatches(item, path, pattern, known, context)) {
      texts.push(source);
      const part = parse(source.text, source.file);
      if (part !== undefined) mergeInto(merged, part, findings);
    }
  }
  const isWhole =
    !findings.hasErrors &&
    include.kind === 'list' &&
    itemsOf(include).every((item) => textOf(item));
  if (!merged.has('upstreams') && !isWhole) {
    // They may be in what could not be read, which has a diagnostic.
    merged.set('upstreams', { key: include.position, value: { ...include, kind: 'broken' } });
  }
  return { root: { ...root, entries: merged }, texts, patterns };
}

/** The files of one pattern that are not known yet. What is wrong with them is in `findings`. */
function readMatches(
  item: SourceNode,
  path: Path,
  pattern: string,
  known: ReadonlySet<string | undefined>,
  { findings, files }: IncludeContext,
): Required<SourceText>[] {
  const tell = (message: string) => findings.error('include', item.position, path, message);
  let matches: readonly string[];
  try {
    matches = matchPattern(pattern, files.list);
  } catch (error) {
    tell(`cannot look for ${pattern}: ${describeFailure(error)}`);
    return [];
  }
  if (!hasStar(pattern) && pattern === join(findings.file)) {
    tell('this is the file itself; name only other files');
    return [];
  }
  // A pattern may match the file in which it stands.
  const others = matches.filter((file) => file !== join(findings.file));
  if (others.length === 0) {
    tell(`no file matches ${pattern}; write at least one, or remove the pattern`);
  }
  return others
    .filter((file) => !known.has(file))
    .flatMap((file) => {
      const read = readText(() => files.read(file));
      if ('text' in read) return [{ text: read.text, file }];
      tell(`cannot read ${file}: ${read.problem}`);
      return [];
    });
}

function mergeInto(merged: Map<string, SourceEntry>, part: SourceNode, findings: Findings): void {
  if (part.kind !== 'map') {
    const message =
      'must be a mapping with sections such as `upstreams`, as any configuration file';
    if (part.kind !== 'broken') findings.error('wrong-value', part.position, [], message);
    return;
  }
  for (const [key, entry] of part.entries) {
    const known = merged.get(key);
    if (key === 'include') {
      const message = `is allowed in ${findings.file} only, which includes this file; list all files there`;
      findings.error('include', entry.key, [key], message);
    } else if (known === undefined) merged.set(key, entry);
    else if (!namedSections.has(key)) {
      const message = `is written in two files, first in ${findings.nameLine(known.key, entry.key)}; each section stands in one file`;
      findings.error('duplicate-key', entry.key, [key], message);
    } else merged.set(key, mergeNamed(key, known, entry, findings));
  }
}

function mergeNamed(
  section: string,
  known: SourceEntry,
  added: SourceEntry,
  findings: Findings,
): SourceEntry {
  // What is no mapping is left for the schema to refuse.
  if (known.value.kind !== 'map') return known;
  if (added.value.kind !== 'map') return added;
  const entries = new Map(entriesOf(known.value));
  for (const [name, entry] of added.value.entries) {
    const first = entries.get(name);
    if (first === undefined) entries.set(name, entry);
    else {
      const message = `is written twice, first in ${findings.nameLine(first.key, entry.key)}; keep one of the two, or rename one`;
      findings.error('duplicate-key', entry.key, [section, name], message);
    }
  }
  const value: SourceMap = { ...known.value, entries };
  return { key: known.key, value };
}
