/** The layers of a configuration laid over each other: in the file's notation, each value with where it came from. */
import type { OptionKeywords } from '../../core/options.js';
import type { Path } from '../syntax/diagnostics.js';
import { entriesOf, toPlain, type SourceNode } from '../syntax/source.js';
import { parseQuantity } from '../schema/units.js';

/** From the weakest to the strongest. */
export const layers = ['default', 'defaults', 'profile', 'own', 'route'] as const;

/** A part of the file that is laid over others, and where it stands in it. */
export interface WrittenLayer {
  /** `own`: the upstream itself. */
  readonly layer: Exclude<(typeof layers)[number], 'default'>;
  /** Of the part; of the value itself in an origin. */
  readonly path: Path;
}

/** What wrote a value. */
export interface Written extends WrittenLayer {
  readonly node: SourceNode;
}

export type Origin = { readonly layer: 'default' } | Written;

export interface EffectiveLeaf {
  readonly kind: 'leaf';
  /** A scalar or a list, as the file would have it. */
  readonly value: unknown;
  readonly origin: Origin;
}

export interface EffectiveMap {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, Effective>;
}

export type Effective = EffectiveLeaf | EffectiveMap;

/** What merging needs to know of a schema. */
interface OptionSchema extends OptionKeywords {
  readonly type?: string | readonly string[];
  readonly anyOf?: readonly OptionSchema[];
  readonly properties?: Readonly<Record<string, OptionSchema>>;
  readonly items?: OptionSchema;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
}

export type Schemas = Readonly<Record<string, object>>;

const BUILT_IN: Origin = { layer: 'default' };

/** The schema itself, or that of its branches which is for mappings. */
const mappingOf = (schema: OptionSchema): OptionSchema | undefined =>
  schema.properties === undefined ? schema.anyOf?.find((branch) => branch.properties) : schema;

const propertiesOf = (schema: OptionSchema) => mappingOf(schema)?.properties;

/** The built-in defaults; undefined where there is none. @param isOn an opt-in mapping has been written. */
function builtIn(schema: OptionSchema, isOn: boolean): Effective | undefined {
  const properties = propertiesOf(schema);
  if (properties === undefined || (schema.default !== undefined && !isOn)) {
    return schema.default === undefined
      ? undefined
      : { kind: 'leaf', value: schema.default, origin: BUILT_IN };
  }
  const entries = new Map<string, Effective>();
  for (const [key, property] of Object.entries(properties)) {
    const value = builtIn(property, false);
    if (value !== undefined) entries.set(key, value);
  }
  return entries.size === 0 ? undefined : { kind: 'map', entries };
}

const within = ({ layer, path }: WrittenLayer, key: string) => ({ layer, path: [...path, key] });

/** A word of the option itself is a value like any other. */
const isOn = (node: SourceNode, schema: OptionSchema): boolean =>
  schema.off === true &&
  schema.enum === undefined &&
  node.kind === 'scalar' &&
  (node.value === 'on' || node.value === true);

/** What is on already stays as it is; anything else gets its built-in values. */
function switchOn(base: Effective | undefined, schema: OptionSchema, origin: Written): Effective {
  if (base !== undefined && !(base.kind === 'leaf' && base.value === 'off')) return base;
  const standard = builtIn(schema, true);
  return standard?.kind === 'leaf' ? { ...standard, origin } : standard!;
}

/** `node` over `base`: mappings key by key, all else as a whole. */
function layOver(
  base: Effective | undefined,
  node: SourceNode,
  schema: OptionSchema,
  from: WrittenLayer,
): Effective {
  if (isOn(node, schema)) return switchOn(base, schema, { ...from, node });
  const properties = propertiesOf(schema);
  if (node.kind !== 'map' || properties === undefined) {
    const value = toPlain(node);
    const origin = { ...from, node };
    return { kind: 'leaf', value: schema.off === true && value === false ? 'off' : value, origin };
  }
  // Something written over `off` switches it on, with the built-in values for the rest.
  const under = base?.kind === 'map' ? base : builtIn(schema, true);
  const entries = new Map(under?.kind === 'map' ? under.entries : []);
  const alternatives = mappingOf(schema)?.alternatives ?? [];
  if (alternatives.some((key) => node.entries.has(key))) {
    for (const key of alternatives) entries.delete(key);
  }
  for (const [key, { value }] of entriesOf(node)) {
    entries.set(key, layOver(entries.get(key), value, properties[key]!, within(from, key)));
  }
  return { kind: 'map', entries };
}

/** The built-in defaults of several keys. */
export function builtInOf(schemas: Schemas): EffectiveMap {
  const entries = new Map<string, Effective>();
  for (const [key, schema] of Object.entries(schemas)) {
    const value = builtIn(schema, false);
    if (value !== undefined) entries.set(key, value);
  }
  return { kind: 'map', entries };
}

/** The keys of `node` that `schemas` knows, laid over `base`; `base` itself where there are none. */
export function layKeysOver(
  base: EffectiveMap,
  node: SourceNode | undefined,
  schemas: Schemas,
  from: WrittenLayer,
): EffectiveMap {
  let entries: Map<string, Effective> | undefined;
  for (const [key, { value }] of entriesOf(node)) {
    if (!Object.hasOwn(schemas, key)) continue;
    entries ??= new Map(base.entries);
    entries.set(key, layOver(entries.get(key), value, schemas[key]!, within(from, key)));
  }
  return entries === undefined ? base : { kind: 'map', entries };
}

function itemsOf(schema: OptionSchema): OptionSchema {
  return schema.items ?? schema.anyOf?.find((branch) => branch.items)?.items ?? {};
}

/** A mapping within a list inherits nothing, but has the defaults of what it is. */
function decodeMapping(
  value: Readonly<Record<string, unknown>>,
  properties: Readonly<Record<string, OptionSchema>>,
): unknown {
  const entries = Object.entries(properties)
    .map(([key, property]) => [key, decodeValue(value[key] ?? property.default, property)] as const)
    .filter(([, decoded]) => decoded !== undefined);
  return Object.fromEntries(entries);
}

function decodeValue(value: unknown, schema: OptionSchema): unknown {
  if (Array.isArray(value)) return value.map((item) => decodeValue(item, itemsOf(schema)));
  const properties = propertiesOf(schema);
  if (properties !== undefined && typeof value === 'object' && value !== null) {
    return decodeMapping(value as Readonly<Record<string, unknown>>, properties);
  }
  return schema.unit !== undefined && typeof value === 'string' && value !== 'off'
    ? (parseQuantity(schema.unit, value) ?? value)
    : value;
}

/** From the notation to what the code works with: ms, bytes, shares 0..1, 'off'. */
export type Decode = (effective: EffectiveMap, schemas: Schemas) => Record<string, unknown>;

/**
 * Layers that write nothing about a mapping share it with those below, so most of the mappings of a large file are the same
 * few: what one becomes is remembered, and shared as well.
 */
export function createDecoder(): Decode {
  const known = new Map<EffectiveMap, Record<string, unknown>>();
  const decode: Decode = (effective, schemas) => {
    let decoded = known.get(effective);
    if (decoded === undefined) {
      decoded = {};
      for (const [key, value] of effective.entries) decoded[key] = decodeOne(value, schemas[key]!);
      known.set(effective, decoded);
    }
    return decoded;
  };
  const decodeOne = (effective: Effective, schema: OptionSchema): unknown =>
    effective.kind === 'leaf'
      ? decodeValue(effective.value, schema)
      : decode(effective, propertiesOf(schema) ?? {});
  return decode;
}

/** The option paths that `node` writes: `retry`, `retry.budget`, ... */
export function writtenPaths(node: SourceNode, schemas: Schemas): Set<string> {
  const paths = new Set<string>();
  const collect = (part: SourceNode, prefix: string): void => {
    for (const [key, { value }] of entriesOf(part)) {
      if (prefix === '' && !Object.hasOwn(schemas, key)) continue;
      const path = prefix + key;
      paths.add(path);
      if (value.kind === 'map') collect(value, `${path}.`);
    }
  };
  collect(node, '');
  return paths;
}

/** Writes plain data in the file's notation; remembers and shares as a decoder does. */
export function createNotation(): (effective: EffectiveMap) => Record<string, unknown> {
  const known = new Map<EffectiveMap, Record<string, unknown>>();
  return function toNotation(effective) {
    let plain = known.get(effective);
    if (plain === undefined) {
      plain = {};
      for (const [key, value] of effective.entries) {
        plain[key] = value.kind === 'leaf' ? value.value : toNotation(value);
      }
      known.set(effective, plain);
    }
    return plain;
  };
}
