/** YAML text to a source tree: aliases and merge keys resolved, `${NAME}` replaced; the only user of the yaml package. */
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  parseDocument,
  Scalar,
  type Alias,
  type Pair,
  type YAMLError,
  type YAMLMap,
} from 'yaml';
import type { Findings, Position } from './diagnostics.js';
import { interpolate, readPlain, type Environment } from './interpolate.js';
import type { ScalarValue, SourceEntry, SourceMap, SourceNode, SourceScalar } from './source.js';

/** Far beyond any sensible file; keeps "billion laughs" from being laughed. */
const MAX_ALIASED_VALUES = 100_000;
const MAX_DEPTH = 100;
const START: Position = { line: 1, column: 1 };

/** @returns undefined when the text is no YAML at all, or holds nothing: `findings` has it then. */
export function parseSource(
  text: string,
  env: Environment,
  findings: Findings,
): SourceNode | undefined {
  // An editor's byte order mark is no content, and would shift the first column.
  const source = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const lineCounter = new LineCounter();
  const positionAt = (offset: number): Position => {
    const { line, col } = lineCounter.linePos(offset);
    return line === 0 ? START : { line, column: col };
  };
  try {
    const document = parseDocument(source, {
      lineCounter,
      merge: true,
      stringKeys: true,
      // Looked for below, where their path is known.
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: 'error',
      resolveKnownTags: false,
    });
    const problems = [...document.errors, ...document.warnings];
    reportSyntax(problems, source, positionAt, findings);
    if (problems.length > 0) return undefined;
    if (document.contents === null) {
      findings.error('syntax', START, [], 'the file is empty; it needs at least `upstreams`');
      return undefined;
    }
    return new TreeBuilder(env, findings, positionAt).build(document.contents, START);
  } catch (cause) {
    // Nested so deeply that the parser itself gave up.
    const message = cause instanceof Error ? cause.message : String(cause);
    findings.error('syntax', START, [], `cannot be read as YAML: ${message.split('\n')[0]}`);
    return undefined;
  }
}

export interface Comment extends Position {
  /** With its `#`. */
  readonly text: string;
}

/** What the lexer puts between tokens: marks that are not in the file. */
const MARKS: ReadonlySet<string> = new Set(['\uFEFF', '\u0002', '\u0018', '\u001F']);

/** The comments of a file that is YAML, told from text that only looks like one. */
export function readComments(text: string): Comment[] {
  const comments: Comment[] = [];
  const position = { line: 1, column: 1 };
  for (const token of new Lexer().lex(text)) {
    // No scalar starts with a # of its own: block scalars begin with their indentation, all others with a quote.
    if (token.startsWith('#')) {
      comments.push({ ...position, text: token.trimEnd() });
    }
    if (MARKS.has(token)) continue;
    const lines = token.split('\n');
    position.line += lines.length - 1;
    position.column = lines.at(-1)!.length + (lines.length === 1 ? position.column : 1);
  }
  return comments;
}

/** Mistakes after which the parser still knows where it is; after any other, more errors are mostly echoes of it. */
const LOCAL_MISTAKES: ReadonlySet<string> = new Set([
  'TAB_AS_INDENT',
  'TAG_RESOLVE_FAILED',
  'NON_STRING_KEY',
  'BAD_DQ_ESCAPE',
]);

function reportSyntax(
  problems: readonly YAMLError[],
  source: string,
  positionAt: (offset: number) => Position,
  findings: Findings,
): void {
  for (const { pos, code, message } of problems.toSorted((a, b) => a.pos[0] - b.pos[0])) {
    let text = message;
    if (source.slice(pos[0] - 1, pos[0] + 1) === '${') {
      text = '${...} between braces or brackets needs quotes: "${NAME}"';
    } else if (code === 'MULTIPLE_DOCS') {
      text = 'a second document starts here; the file must hold one';
    }
    findings.error('syntax', positionAt(pos[0]), [], text);
    if (!LOCAL_MISTAKES.has(code)) return;
  }
}

type YamlNode = unknown;

class TreeBuilder {
  readonly #env: Environment;
  readonly #findings: Findings;
  readonly #positionAt: (offset: number) => Position;
  /** Of what is being built. */
  readonly #path: (string | number)[] = [];
  /** The latest of each name, as aliases mean it; undefined while it is being built. */
  readonly #anchors = new Map<string, SourceNode | undefined>();
  /** Of what aliases stand for. */
  readonly #sizes = new Map<SourceNode, number>();
  #aliased = 0;

  constructor(env: Environment, findings: Findings, positionAt: (offset: number) => Position) {
    this.#env = env;
    this.#findings = findings;
    this.#positionAt = positionAt;
  }

  /** @param fallback where the value would stand, for values that are nowhere in the text. */
  build(node: YamlNode, fallback: Position): SourceNode {
    const range = (node as { range?: [number, number, number] | null } | null)?.range;
    const position = range ? this.#positionAt(range[0]) : fallback;
    if (this.#path.length > MAX_DEPTH) {
      this.#findings.error('syntax', position, this.#path.slice(0, 3), 'is nested too deeply');
      return { kind: 'broken', position };
    }
    if (isAlias(node)) return this.#resolve(node, position);
    const anchor = (node as { anchor?: string } | null)?.anchor;
    if (anchor !== undefined) this.#anchors.set(anchor, undefined);
    const built = this.#buildOwn(node, position);
    if (anchor !== undefined) this.#anchors.set(anchor, built);
    return built;
  }

  #buildOwn(node: YamlNode, position: Position): SourceNode {
    if (isMap(node)) return this.#buildMap(node, position);
    if (isSeq(node)) {
      const items = node.items.map((item, i) => this.#buildPart(i, item, position));
      return { kind: 'list', position, items };
    }
    if (isScalar(node)) return this.#buildScalar(node, position);
    return { kind: 'scalar', position, value: null };
  }

  #buildPart(step: string | number, node: YamlNode, fallback: Position): SourceNode {
    this.#path.push(step);
    const built = this.build(node, fallback);
    this.#path.pop();
    return built;
  }

  #buildMap(node: YAMLMap, position: Position): SourceNode {
    const own = new Map<string, SourceEntry>();
    const merged: SourceMap[] = [];
    for (const { key: keyNode, value } of node.items as Pair<Scalar>[]) {
      const keyPosition = keyNode.range ? this.#positionAt(keyNode.range[0]) : position;
      const key = typeof keyNode.value === 'string' ? keyNode.value : '';
      const known = own.get(key);
      if (key === '<<' && keyNode.type === Scalar.PLAIN) {
        merged.push(...this.#mergeable(this.#buildPart(key, value, keyPosition)));
      } else if (known === undefined) {
        own.set(key, { key: keyPosition, value: this.#buildPart(key, value, keyPosition) });
      } else {
        const message = `is written twice, first in line ${known.key.line}; merge the two`;
        this.#findings.error('duplicate-key', keyPosition, [...this.#path, key], message);
      }
    }
    // What a mapping writes itself stands, wherever its `<<` is.
    for (const { entries } of merged) {
      for (const [key, entry] of entries) if (!own.has(key)) own.set(key, entry);
    }
    return { kind: 'map', position, entries: own };
  }

  #mergeable(source: SourceNode): SourceMap[] {
    const maps: SourceMap[] = [];
    for (const part of source.kind === 'list' ? source.items : [source]) {
      if (part.kind === 'map') maps.push(part);
      else if (part.kind !== 'broken') {
        const message = 'must be a mapping or a list of mappings';
        this.#findings.error('wrong-value', part.position, [...this.#path, '<<'], message);
      }
    }
    return maps;
  }

  #buildScalar(node: Scalar, position: Position): SourceNode {
    const value = node.value as ScalarValue;
    if (typeof value !== 'string' || !value.includes('${')) {
      return { kind: 'scalar', position, value };
    }
    const { text, problems, isReplaced } = interpolate(value, this.#env);
    if (problems.length > 0) return this.#broken('environment', position, problems.join('; '));
    const scalar: SourceScalar = { kind: 'scalar', position, value: text };
    if (!isReplaced) return scalar;
    const plain = readPlain(text);
    if (plain === text) return scalar;
    // A plain scalar is read as YAML would have; quotes ask for text. The schema has the last word.
    return node.type === Scalar.PLAIN && node.tag === undefined
      ? { ...scalar, value: plain, alternative: text }
      : { ...scalar, alternative: plain };
  }

  #resolve(node: Alias, position: Position): SourceNode {
    const { source: name } = node;
    if (!this.#anchors.has(name)) {
      const message = `no anchor &${name} stands before this alias`;
      return this.#broken('alias', position, message);
    }
    const target = this.#anchors.get(name);
    if (target === undefined) {
      return this.#broken('alias', position, `the anchor &${name} cannot hold itself`);
    }
    const isFirst = this.#aliased <= MAX_ALIASED_VALUES;
    this.#aliased += this.#sizeOf(target);
    if (this.#aliased > MAX_ALIASED_VALUES) {
      const message = `the aliases so far stand for more than ${MAX_ALIASED_VALUES} values`;
      return isFirst ? this.#broken('alias', position, message) : { kind: 'broken', position };
    }
    // A single value is right or wrong where it is used.
    return target.kind === 'scalar' ? { ...target, position } : target;
  }

  /** How many values it stands for, itself included. */
  #sizeOf(node: SourceNode): number {
    const known = this.#sizes.get(node);
    if (known !== undefined) return known;
    let size = 1;
    for (const part of partsOf(node)) size += this.#sizeOf(part);
    this.#sizes.set(node, size);
    return size;
  }

  #broken(rule: string, position: Position, message: string): SourceNode {
    this.#findings.error(rule, position, this.#path, message);
    return { kind: 'broken', position };
  }
}

function partsOf(node: SourceNode): readonly SourceNode[] {
  if (node.kind === 'list') return node.items;
  return node.kind === 'map' ? [...node.entries.values()].map(({ value }) => value) : [];
}
