/** Configuration files within Kubernetes ConfigMap manifests, with the way back from their lines to the manifest's. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments, Scalar } from 'yaml';
import type { Document, Pair, YAMLMap } from 'yaml';
import { Findings, type Diagnostic, type Position } from './diagnostics.js';
import { reportSyntax } from './syntax-errors.js';

export interface EmbeddedFile {
  /** `breakwater.yaml` */
  readonly key: string;
  readonly text: string;
  /** From a place in `text` to the same place in the manifest. */
  readonly locate: (position: Position) => Position;
  /** It has what only a file of Breakwater has, or no file here has. */
  readonly isOwn: boolean;
}

export interface Manifest {
  /** The files of each ConfigMap. Those that are not own count only if another one includes them. */
  readonly configMaps: readonly (readonly EmbeddedFile[])[];
  /** What keeps the manifest from being read. */
  readonly diagnostics: readonly Diagnostic[];
}

const START: Position = { line: 1, column: 1 };

/** An error where there is nothing to check in a manifest; an info for a part of it that is left out. */
export const MANIFEST_RULE = 'manifest';

/** A file of Breakwater has neither key. */
const isManifest = (text: string) =>
  /^["']?apiVersion["']?\s*:/m.test(text) && /^["']?kind["']?\s*:/m.test(text);

/** @returns undefined if the text is not a Kubernetes manifest. */
export function readManifest(text: string, name: string): Manifest | undefined {
  if (!isManifest(text)) return undefined;
  const source = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const lineCounter = new LineCounter();
  const positionAt = (offset: number): Position => {
    const { line, col } = lineCounter.linePos(offset);
    return { line, column: col };
  };
  const options = {
    lineCounter,
    prettyErrors: false,
    logLevel: 'error',
    uniqueKeys: false,
  } as const;
  const documents = parseAllDocuments(source, options) as Document[];
  const findings = new Findings(name);
  const problems = documents.flatMap(({ errors }) => errors);
  if (problems.length > 0) {
    reportSyntax(problems, source, positionAt, findings);
    return { configMaps: [], diagnostics: findings.list() };
  }
  const lines = source.split('\n');
  const found = documents.flatMap((document) =>
    configMapsIn(document).map((map) => filesIn(map, document, lines, positionAt)),
  );
  if (found.every((files) => files.length === 0)) {
    const message =
      'is a Kubernetes manifest without a configuration file: no ConfigMap has a key that ends in .yaml or .yml';
    findings.error(MANIFEST_RULE, START, [], message);
  }
  // The output of a chart has files of other programs, too.
  const isAnyOwn = found.flat().some(({ text }) => isBreakwaters(text));
  const configMaps = found.map((files) =>
    files.map((file) => ({ ...file, isOwn: !isAnyOwn || isBreakwaters(file.text) })),
  );
  return { configMaps, diagnostics: findings.list() };
}

const isBreakwaters = (text: string) => /^["']?(?:upstreams|include)["']?\s*:/m.test(text);

/** The document itself, or the items of a `List`. */
function configMapsIn({ contents }: Document): YAMLMap[] {
  if (!isMap(contents)) return [];
  const kind = contents.get('kind');
  if (kind === 'ConfigMap') return [contents];
  const items = kind === 'List' ? contents.get('items') : undefined;
  if (!isSeq(items)) return [];
  return items.items.filter(
    (item): item is YAMLMap => isMap(item) && item.get('kind') === 'ConfigMap',
  );
}

function filesIn(
  configMap: YAMLMap,
  document: Document,
  lines: readonly string[],
  positionAt: (offset: number) => Position,
): Omit<EmbeddedFile, 'isOwn'>[] {
  const data = configMap.get('data');
  if (!isMap(data)) return [];
  return (data.items as Pair[]).flatMap(({ key, value }) => {
    const name = isScalar(key) ? String(key.value) : '';
    const node = isAlias(value) ? value.resolve(document) : value;
    if (!isScalar(node) || typeof node.value !== 'string') return [];
    const text = node.value;
    if (!/\.ya?ml$/.test(name) && !isBreakwaters(text)) return [];
    const start = positionAt(node.range?.[0] ?? 0);
    const isLiteral = node.type === Scalar.BLOCK_LITERAL;
    return [{ key: name, text, locate: isLiteral ? locator(text, start, lines) : () => start }];
  });
}

/**
 * The way back from a text to the file that it is written in as a block after `|`, whose lines have something in front.
 * @param lines of the file.
 */
export function locator(text: string, { line: header }: Position, lines: readonly string[]) {
  const own = text.split('\n');
  return ({ line, column }: Position): Position => {
    const written = (lines[header + line - 1] ?? '').replace(/\r$/, '');
    const indent = Math.max(0, written.length - (own[line - 1] ?? '').length);
    return { line: header + line, column: column + indent };
  };
}
