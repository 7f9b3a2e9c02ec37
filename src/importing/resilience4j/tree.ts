/** Settings as Spring reads them: keys with dots stand for nested mappings, in YAML and in properties files. */
import type { Findings, Position } from '../../config/syntax/diagnostics.js';
import type { SourceEntry, SourceMap, SourceNode } from '../../config/syntax/source.js';
import { parseDocuments } from '../../config/syntax/documents.js';

type Entries = Map<string, SourceEntry>;

/** `a.b[c.d].e` as `a`, `b`, `c.d`, `e`. */
function splitKey(key: string): string[] {
  return [...key.matchAll(/\[([^\]]*)\]|[^.[\]]+/g)].map(([whole, inner]) => inner ?? whole);
}

function mapAt(entries: Entries, step: string, position: Position): Entries {
  const known = entries.get(step)?.value;
  if (known?.kind === 'map') return known.entries as Entries;
  const made: Entries = new Map();
  entries.set(step, { key: position, value: { kind: 'map', position, entries: made } });
  return made;
}

/** Puts a value at its place. Mappings are merged; of two single values the later one stands. */
function insert(entries: Entries, steps: readonly string[], entry: SourceEntry): void {
  const [step, ...rest] = steps;
  if (step === undefined) return;
  const { key, value } = entry;
  const index = rest.length === 1 && /^\d+$/.test(rest[0]!) ? Number(rest[0]) : undefined;
  if (index !== undefined) {
    const known = entries.get(step)?.value;
    const items = known?.kind === 'list' ? [...known.items] : [];
    items.push(value);
    entries.set(step, { key, value: { kind: 'list', position: value.position, items } });
  } else if (rest.length > 0) insert(mapAt(entries, step, key), rest, entry);
  else if (value.kind === 'map') {
    const inner = mapAt(entries, step, key);
    for (const [name, part] of value.entries) insert(inner, splitKey(name), part);
  } else entries.set(step, entry);
}

function expand(node: SourceNode): SourceNode {
  if (node.kind !== 'map') return node;
  const entries: Entries = new Map();
  for (const [key, entry] of node.entries) insert(entries, splitKey(key), entry);
  return { kind: 'map', position: node.position, entries };
}

const unescape = (text: string) =>
  text.replaceAll(/\\(u[0-9a-fA-F]{4}|.)/g, (_, code: string) => {
    if (code.length === 5) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    return { t: '\t', n: '\n', r: '\r', f: '\f' }[code] ?? code;
  });

/** A properties file: `key=value`, `key: value`, with `#---` between documents. */
function parseProperties(text: string): SourceNode[] {
  const documents: Entries[] = [new Map()];
  const lines = text.split(/\r?\n/);
  for (let i = 0; i < lines.length; i += 1) {
    const position = { line: i + 1, column: 1 };
    let line = lines[i]!.trimStart();
    if (/^[#!]---\s*$/.test(line)) documents.push(new Map());
    if (line === '' || /^[#!]/.test(line)) continue;
    while (/(?:^|[^\\])(?:\\\\)*\\$/.test(line) && i + 1 < lines.length) {
      i += 1;
      line = line.slice(0, -1) + lines[i]!.trimStart();
    }
    const found = /^((?:\\.|[^\\=:\s])+)\s*[=:\s]?\s*(.*)$/.exec(line);
    if (found === null) continue;
    const value: SourceNode = { kind: 'scalar', position, value: unescape(found[2]!) };
    insert(documents.at(-1)!, splitKey(unescape(found[1]!)), { key: position, value });
  }
  return documents
    .filter(({ size }) => size > 0)
    .map((entries): SourceMap => ({ kind: 'map', position: { line: 1, column: 1 }, entries }));
}

/** @param file a name that ends in `.properties` is read as such a file. */
export function parseSettings(
  file: string,
  text: string,
  findings: Findings,
): readonly SourceNode[] {
  if (file.endsWith('.properties')) return parseProperties(text);
  return parseDocuments(text, findings).map(expand);
}
