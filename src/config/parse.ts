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
import type { Findings, Path, Position } from './diagnostics.js';
import { interpolate, readPlain, type Environment } from './interpolate.js';
import type { ScalarValue, SourceEntry, SourceNode, SourceScalar } from './source.js';

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
    return new TreeBuilder(env, findings, positionAt).build(document.contents, [], START);
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

/** What the lexer puts before a scalar's text, and other marks that are not in the file. */
const SCALAR_MARK = '\u001F';
const MARKS: ReadonlySet<string> = new Set(['\uFEFF', '\u0002', '\u0018', SCALAR_MARK]);

/** The comments of a file that is YAML, told from text that only looks like one. */
export function readComments(text: string): Comment[] {
  const comments: Comment[] = [];
  const position = { line: 1, column: 1 };
  let previous = '';
  for (const token of new Lexer().lex(text)) {
    if (token.startsWith('#') && previous !== SCALAR_MARK) {
      comments.push({ ...position, text: token.trimEnd() });
    }
    previous = token;
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
  /** The latest of each name, as aliases mean it; undefined while it is being built. */
  readonly #anchors = new Map<string, SourceNode | undefined>();
  readonly #sizes = new Map<SourceNode, number>();
  #aliased = 0;

  constructor(env: Environment, findings: Findings, positionAt: (offset: number) => Position) {
    this.#env = env;
    this.#findings = findings;
    this.#positionAt = positionAt;
  }

  /** @param fallback where the value would stand, for values that are nowhere in the text. */
  build(node: YamlNode, path: Path, fallback: Position): SourceNode {
    const range = (node as { range?: [number, number, number] | null } | null)?.range;
    const position = range ? this.#positionAt(range[0]) : fallback;
    if (path.length > MAX_DEPTH) {
      return this.#broken('syntax', position, path.slice(0, 3), 'is nested too deeply');
    }
    if (isAlias(node)) return this.#resolve(node, position, path);
    const anchor = (node as { anchor?: string } | null)?.anchor;
    if (anchor !== undefined) this.#anchors.set(anchor, undefined);
    const built = this.#buildOwn(node, position, path);
    if (anchor !== undefined) this.#anchors.set(anchor, built);
    return built;
  }

  #buildOwn(node: YamlNode, position: Position, path: Path): SourceNode {
    if (isMap(node)) return this.#buildMap(node, position, path);
    if (isSeq(node)) {
      const items = node.items.map((item, i) => this.build(item, [...path, i], position));
      return this.#sized({ kind: 'list', position, items }, items);
    }
    if (isScalar(node)) return this.#sized(this.#buildScalar(node, position, path), []);
    return this.#sized({ kind: 'scalar', position, value: null }, []);
  }

  #buildMap(node: YAMLMap, position: Position, path: Path): SourceNode {
    const own = new Map<string, SourceEntry>();
    const merged = new Map<string, SourceEntry>();
    for (const { key: keyNode, value } of node.items as Pair<Scalar>[]) {
      const keyPosition = keyNode.range ? this.#positionAt(keyNode.range[0]) : position;
      const key = typeof keyNode.value === 'string' ? keyNode.value : '';
      const known = own.get(key);
      if (key === '<<' && keyNode.type === Scalar.PLAIN) {
        this.#merge(this.build(value, [...path, key], keyPosition), merged, [...path, key]);
      } else if (known === undefined) {
        own.set(key, { key: keyPosition, value: this.build(value, [...path, key], keyPosition) });
      } else {
        const message = `is written twice, first in line ${known.key.line}; merge the two`;
        this.#findings.error('duplicate-key', keyPosition, [...path, key], message);
      }
    }
    // What a mapping writes itself stands, wherever its `<<` is.
    for (const [key, entry] of merged) if (!own.has(key)) own.set(key, entry);
    const values = [...own.values()].map((entry) => entry.value);
    return this.#sized({ kind: 'map', position, entries: own }, values);
  }

  #merge(source: SourceNode, into: Map<string, SourceEntry>, path: Path): void {
    for (const part of source.kind === 'list' ? source.items : [source]) {
      if (part.kind === 'map') {
        for (const [key, entry] of part.entries) if (!into.has(key)) into.set(key, entry);
      } else if (part.kind !== 'broken') {
        const message = 'must be a mapping or a list of mappings';
        this.#findings.error('wrong-value', part.position, path, message);
      }
    }
  }

  #buildScalar(node: Scalar, position: Position, path: Path): SourceNode {
    const value = node.value as ScalarValue;
    if (typeof value !== 'string' || !value.includes('${')) {
      return { kind: 'scalar', position, value };
    }
    const { text, problems, isReplaced } = interpolate(value, this.#env);
    if (problems.length > 0)
      return this.#broken('environment', position, path, problems.join('; '));
    const scalar: SourceScalar = { kind: 'scalar', position, value: text };
    if (!isReplaced) return scalar;
    const plain = readPlain(text);
    if (plain === text) return scalar;
    // A plain scalar is read as YAML would have; quotes ask for text. The schema has the last word.
    return node.type === Scalar.PLAIN && node.tag === undefined
      ? { ...scalar, value: plain, alternative: text }
      : { ...scalar, alternative: plain };
  }

  #resolve(node: Alias, position: Position, path: Path): SourceNode {
    const { source: name } = node;
    if (!this.#anchors.has(name)) {
      const message = `no anchor &${name} stands before this alias`;
      return this.#broken('alias', position, path, message);
    }
    const target = this.#anchors.get(name);
    if (target === undefined) {
      return this.#broken('alias', position, path, `the anchor &${name} cannot hold itself`);
    }
    const isFirst = this.#aliased <= MAX_ALIASED_VALUES;
    this.#aliased += this.#sizes.get(target) ?? 1;
    if (this.#aliased > MAX_ALIASED_VALUES) {
      const message = `the aliases so far stand for more than ${MAX_ALIASED_VALUES} values`;
      return isFirst
        ? this.#broken('alias', position, path, message)
        : { kind: 'broken', position };
    }
    // A single value is right or wrong where it is used.
    return target.kind === 'scalar' ? this.#sized({ ...target, position }, []) : target;
  }

  #sized(node: SourceNode, parts: readonly SourceNode[]): SourceNode {
    this.#sizes.set(
      node,
      parts.reduce((sum, part) => sum + (this.#sizes.get(part) ?? 1), 1),
    );
    return node;
  }

  #broken(rule: string, position: Position, path: Path, message: string): SourceNode {
    this.#findings.error(rule, position, path, message);
    return { kind: 'broken', position };
  }
}
