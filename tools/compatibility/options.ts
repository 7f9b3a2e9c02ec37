/** The configuration schema as a flat list: one entry per key, without descriptions. */
import { fileSchemas } from '../../src/config/schema/schema.js';
import { policies } from '../../src/policies/index.js';
import { unitPatterns } from '../../src/core/options.js';
import type { Entries } from './snapshot.js';

type Schema = Readonly<Record<string, unknown>>;
type Schemas = Readonly<Record<string, Schema>>;

/** Keywords for people, and those that an entry shows in another way. */
const LEFT_OUT = new Set(['description', 'title', 'properties', 'additionalProperties']);

/** The mappings that users name themselves, by their definition. They have policy keys as well. */
const HOLDERS = ['upstream', 'route', 'policies'];

const { file: fileSchema } = fileSchemas(policies);
const definitions = fileSchema['$defs'] as Schemas;
const policyNames = Object.keys(definitions).filter((name) => !HOLDERS.includes(name));

/** Undefined for another kind of schema. */
const referenceIn = (schema: Schema) => /^#\/\$defs\/(.+)$/.exec(String(schema['$ref']))?.[1];

/**
 * One schema for an option with several notations: its own keywords, and those of what it is when it is on. A mapping beside a
 * shorter notation counts as such, with the shorter one in `or`; so does a word beside a quantity.
 */
function merge(key: string, schema: Schema): Schema {
  const { anyOf, ...rest } = schema;
  if (anyOf === undefined) return schema;
  const [on, off, ...others] = anyOf as Schema[];
  if (off?.['type'] === 'object' && others.length === 0) {
    return { ...off, ...rest, or: describe(on!) };
  }
  if (rest['off'] !== true && off?.['enum'] !== undefined && others.length === 0) {
    return { ...on, ...rest, or: off };
  }
  const isOff = /^\{"enum":\["off",false(,"on",true)?\]\}$/.test(JSON.stringify(off));
  if (on === undefined || !isOff || others.length > 0) {
    throw new Error(`Cannot describe ${key} because its anyOf is not "a schema, or off"`);
  }
  return { ...on, ...rest };
}

function describe(schema: Schema): Schema {
  const items = schema['items'] as Schema | undefined;
  const hasUnit = schema['unit'] !== undefined;
  const kept = Object.entries(schema).filter(([keyword]) => {
    if (keyword === 'items') return items?.['properties'] === undefined && !items?.['anyOf'];
    // The notation of a unit has an entry of its own.
    return !LEFT_OUT.has(keyword) && !(hasUnit && (keyword === 'type' || keyword === 'pattern'));
  });
  const values = schema['additionalProperties'];
  if (typeof values === 'object') kept.push(['values', describe(values as Schema)]);
  return Object.fromEntries(kept);
}

/** Adds the key and all keys below it. */
function addKey(entries: Entries, key: string, unmerged: Schema, extra: Schema = {}): void {
  const schema = merge(key, unmerged);
  const written = schema['items'] as Schema | undefined;
  const items = written === undefined ? schema : merge(key, written);
  const or = items === schema ? undefined : items['or'];
  entries[key] = { ...describe(schema), ...(or === undefined ? {} : { or }), ...extra };
  for (const [name, option] of Object.entries((items['properties'] ?? {}) as Schemas)) {
    const reference = referenceIn(option);
    if (reference === undefined || !policyNames.includes(reference)) {
      addKey(entries, `${key}.${name}`, option);
    }
  }
}

/** Policy keys are listed once, with the mappings that they may stand in. */
export function listOptions(): Entries {
  const entries: Entries = {};
  for (const [name, option] of Object.entries(fileSchema['properties'] as Schemas)) {
    addKey(entries, name, option);
  }
  for (const name of HOLDERS) {
    if (name !== 'policies') addKey(entries, name, definitions[name]!);
  }
  for (const name of policyNames) {
    const standsIn = HOLDERS.filter(
      (holder) => name in (definitions[holder]!['properties'] as Schemas),
    );
    addKey(entries, name, definitions[name]!, { in: standsIn });
  }
  return entries;
}

export const listNotations = (): Entries => ({ ...unitPatterns });
