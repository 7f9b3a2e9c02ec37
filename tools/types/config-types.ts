/** The types of the configuration file for TypeScript, made from its JSON Schema. */
import { compile, type JSONSchema } from 'json-schema-to-typescript';
import { fileSchemas } from '../../src/config/schema/schema.js';
import type { Unit } from '../../src/core/options.js';
import { policies } from '../../src/policies/index.js';

/** Strings with a unit have a type of their own, which says how they are written. */
const unitTypes: Readonly<Record<Unit, readonly [name: string, sentence: string]>> = {
  duration: ['Duration', 'A duration: one or more of `h`, `m`, `s` and `ms`, such as `1m30s`.'],
  share: ['Share', 'A share: a percentage such as `50%`.'],
  size: ['Size', 'A number of bytes with `B`, `KiB`, `MiB` or `GiB`, such as `64KiB`.'],
  rate: ['Rate', 'A rate: a number of calls per `s`, `m` or `h`, such as `100/s`.'],
};

const banner = [
  '/** Types of the configuration file of Breakwater. `npm run schema` writes this file. */',
  ...Object.values(unitTypes).map(
    ([name, text]) => `/** ${text} */\nexport type ${name} = string;`,
  ),
].join('\n\n');

type Schema = Readonly<Record<string, unknown>>;

const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `properties` and `$defs` hold schemas by a name that users choose or read, which is no keyword. */
const HOLDERS = new Set(['properties', '$defs']);

/** @param unit of the schema around this one. */
function prepare(schema: Schema, unit?: Unit): Schema {
  const ownUnit = (schema['unit'] as Unit | undefined) ?? unit;
  const prepared: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(schema)) {
    // A title describes a value here; the generator would take it for the name of a type.
    if (keyword === 'title') continue;
    if (Array.isArray(value)) {
      prepared[keyword] = value.map((each) => (isSchema(each) ? prepare(each, ownUnit) : each));
    } else if (!isSchema(value)) prepared[keyword] = value;
    else if (HOLDERS.has(keyword)) {
      const entries = Object.entries(value as Readonly<Record<string, Schema>>);
      prepared[keyword] = Object.fromEntries(entries.map(([key, each]) => [key, prepare(each)]));
    } else prepared[keyword] = prepare(value);
  }
  if (ownUnit !== undefined && schema['type'] === 'string') {
    prepared['tsType'] = unitTypes[ownUnit][0];
  }
  if ('default' in schema && typeof schema['description'] === 'string') {
    const written = JSON.stringify(schema['default']).replaceAll('"', '');
    prepared['description'] = `${schema['description']}\n\nDefault: \`${written}\`.`;
  }
  return prepared;
}

/** The text of config/types.d.cts. */
export const configTypes = (): Promise<string> =>
  compile(prepare(fileSchemas(policies).file) as JSONSchema, 'Config', {
    bannerComment: banner,
    ignoreMinAndMaxItems: true,
    style: { singleQuote: true, printWidth: 100 },
  });
