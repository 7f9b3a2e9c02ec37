/** YAML text to a source tree: aliases and merge keys resolved, `${NAME}` replaced. */
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseDocument,
  Scalar,
  type Alias,
  type Pair,
  type YAMLMap,
} from 'yaml';
import { listWords, type Findings, type Position } from './diagnostics.js';
import { fillScalar, interpolate, type Environment } from './interpolate.js';
import { readSimple } from './simple-yaml.js';
import { reportSyntax } from './syntax-errors.js';
import { YamlText } from './yaml-text.js';
import type { ScalarValue, SourceEntry, SourceMap, SourceNode } from './source.js';

/** Far beyond any sensible file: the limit against "billion laughs" attacks. */
const MAX_ALIASED_VALUES = 100_000;
const MAX_DEPTH = 100;
/** Of a value that needs a variable that is not set. */
export const UNSET_RULE = 'unset-variable';

/**
 * @param allowsUnset a value whose variable is not set is an info, and not known.
 * @param file as in positions: the name of an included file.
 * @returns undefined if the text is not YAML or is empty; `findings` has the error.
 */
export function parseSource(
  text: string,
  env: Environment,
  findings: Findings,
  allowsUnset = false,
  file?: string,
): SourceNode | undefined {
  const yamlText = new YamlText(text, file);
  return (
    readSimple(yamlText.source, env, file) ?? parseAny(yamlText, env, findings, allowsUnset, file)
  );
}

/** As `parseSource`, of any YAML. */
export function parseAny(
  yamlText: YamlText,
  env: Environment,
  findings: Findings,
  allowsUnset: boolean,
  file: string | undefined,
): SourceNode | undefined {
  const { source, positionAt, start } = yamlText;
  try {
    const document = parseDocument(source, { ...yamlText.parserOptions, resolveKnownTags: false });
    const problems = [...document.errors, ...document.warnings];
    reportSyntax(problems, source, positionAt, findings);
    if (problems.length > 0) return undefined;
    if (document.contents === null) {
      const message =
        file === undefined
          ? 'the file is empty; it needs at least `upstreams`'
          : 'the file is empty; write something into it, or remove it';
      findings.error('syntax', start, [], message);
      return undefined;
    }
    return new TreeBuilder(env, findings, positionAt, allowsUnset).build(document.contents, start);
  } catch (cause) {
    yamlText.reportFailure(cause, findings);
    return undefined;
  }
}

type YamlNode = unknown;

/** Reads the nodes of one document. */
export class TreeBuilder {
  readonly #env: Environment | undefined;
  readonly #findings: Findings;
  readonly #positionAt: (offset: number) => Position;
  readonly #allowsUnset: boolean;
  /** Of what is being built. */
  readonly #path: (string | number)[] = [];
  /** The latest of each name, as aliases mean it; undefined while it is being built. */
  readonly #anchors = new Map<string, SourceNode | undefined>();
  /** Of what aliases stand for. */
  readonly #sizes = new Map<SourceNode, number>();
  #aliased = 0;

  /** @param env undefined where `${NAME}` stands for nothing. */
  constructor(
    env: Environment | undefined,
    findings: Findings,
    positionAt: (offset: number) => Position,
    allowsUnset: boolean,
  ) {
    this.#allowsUnset = allowsUnset;
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
    const env = this.#env;
    if (env === undefined || typeof value !== 'string' || !value.includes('${')) {
      return { kind: 'scalar', position, value };
    }
    const filled = interpolate(value, env);
    const { problems, unset } = filled;
    if (this.#allowsUnset && unset.length > 0 && unset.length === problems.length) {
      return this.#unset(position, unset);
    }
    if (problems.length > 0) return this.#broken('environment', position, problems.join('; '));
    return fillScalar(filled, position, node.type === Scalar.PLAIN && node.tag === undefined);
  }

  #resolve(node: Alias, position: Position): SourceNode {
    const { source: name } = node;
    if (!this.#anchors.has(name)) {
      // Not named: it may be a password that should have had quotes.
      const message =
        'there is no anchor of that name before this alias; text that begins with * stands in quotes';
      return this.#broken('alias', position, message);
    }
    const target = this.#anchors.get(name);
    if (target === undefined) {
      return this.#broken('alias', position, `the anchor &${name} cannot contain itself`);
    }
    const isFirst = this.#aliased <= MAX_ALIASED_VALUES;
    this.#aliased += this.#sizeOf(target);
    if (this.#aliased > MAX_ALIASED_VALUES) {
      const message = `the aliases so far stand for more than ${MAX_ALIASED_VALUES} values`;
      return isFirst ? this.#broken('alias', position, message) : { kind: 'broken', position };
    }
    // A single value is checked where it is used.
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

  #unset(position: Position, names: readonly string[]): SourceNode {
    const isOne = new Set(names).size === 1;
    const message = `${listWords([...new Set(names)], 'and')} ${isOne ? 'is' : 'are'} not set here, so this value is not checked`;
    this.#findings.report('info', UNSET_RULE, position, this.#path, message);
    return { kind: 'broken', position, isUnset: true };
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
