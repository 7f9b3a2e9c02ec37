/** A configuration file as a tree, with the position of each key and value. */
import type { Path, Position } from './diagnostics.js';

export type ScalarValue = string | number | boolean | null;

export interface SourceScalar {
  readonly kind: 'scalar';
  readonly position: Position;
  value: ScalarValue;
  /** Of a value from the environment: how else it may be read, as text or as number and the like. */
  alternative?: ScalarValue;
}

export interface SourceList {
  readonly kind: 'list';
  readonly position: Position;
  readonly items: readonly SourceNode[];
}

export interface SourceEntry {
  readonly key: Position;
  readonly value: SourceNode;
}

export interface SourceMap {
  readonly kind: 'map';
  readonly position: Position;
  readonly entries: ReadonlyMap<string, SourceEntry>;
}

/** A value that has a diagnostic already and must not cause more. */
export interface SourceBroken {
  readonly kind: 'broken';
  readonly position: Position;
  /** What it would be is not known here: it needs a variable that is not set. */
  readonly isUnset?: true;
}

export type SourceNode = SourceScalar | SourceList | SourceMap | SourceBroken;

export function entryOf(node: SourceNode | undefined, key: string): SourceEntry | undefined {
  return node?.kind === 'map' ? node.entries.get(key) : undefined;
}

export function valueOf(node: SourceNode | undefined, key: string): SourceNode | undefined {
  return entryOf(node, key)?.value;
}

const NO_ENTRIES: SourceMap['entries'] = new Map();

/** The entries of a mapping; none of anything else. */
export function entriesOf(node: SourceNode | undefined): SourceMap['entries'] {
  return node?.kind === 'map' ? node.entries : NO_ENTRIES;
}

export function itemsOf(node: SourceNode | undefined): readonly SourceNode[] {
  return node?.kind === 'list' ? node.items : [];
}

/** Undefined where there is no text. */
export function textOf(node: SourceNode | undefined): string | undefined {
  return node?.kind === 'scalar' && typeof node.value === 'string' ? node.value : undefined;
}

function defineKey(plain: object, key: string, value: unknown): void {
  Object.defineProperty(plain, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

/** Plain data. What aliases share is written out for each: they may stand for a limited number of values only. */
export function toPlain(node: SourceNode): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'broken') return null;
  if (node.kind === 'list') return node.items.map(toPlain);
  const plain: Record<string, unknown> = {};
  for (const [key, { value }] of node.entries) {
    // A key like any other, but not for an assignment.
    if (key === '__proto__') defineKey(plain, key, toPlain(value));
    else plain[key] = toPlain(value);
  }
  return plain;
}

/** A place in the tree as a JSON pointer names it. */
export interface Place {
  readonly path: Path;
  readonly node: SourceNode;
  /** Where the key stands, or the value of a list's item and of the top. */
  readonly key: Position;
}

/** Undefined where the pointer leads into a broken value. */
export function find(root: SourceNode, pointer: string): Place | undefined {
  let place: Place = { path: [], node: root, key: root.position };
  for (const part of pointer.split('/').slice(1)) {
    const step = part.replaceAll('~1', '/').replaceAll('~0', '~');
    const { node, path } = place;
    if (node.kind === 'map') {
      const entry = node.entries.get(step)!;
      place = { path: [...path, step], node: entry.value, key: entry.key };
    } else if (node.kind === 'list') {
      const item = node.items[Number(step)]!;
      place = { path: [...path, Number(step)], node: item, key: item.position };
    }
  }
  return place.node.kind === 'broken' ? undefined : place;
}
