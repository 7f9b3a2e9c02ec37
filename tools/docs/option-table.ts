/** Tables of options, written from the schemas: key, default, allowed values and description. */
import { fileSchemas } from '../../src/config/schema/schema.js';
import { sections } from '../../src/config/schema/sections.js';
import { policies, policySchemas } from '../../src/policies/index.js';

/** What the tables need of a JSON schema. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: string | number | boolean | readonly (string | number)[];
  readonly unit?: 'duration' | 'size' | 'share' | 'rate';
  /** The word `off` is allowed as well. */
  readonly off?: boolean;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
}

/** Policies have pages of their own. `overload` is a section of the file, but also a policy. */
const policyNames: ReadonlySet<string> = new Set([...Object.keys(policySchemas), 'overload']);

const schemas = { ...policySchemas, ...sections } as unknown as Readonly<Record<string, Schema>>;

/** The mapping of options in a schema that may also be `off` or a list of mappings. */
function propertiesOf(schema: Schema): Schema['properties'] {
  return [schema, ...(schema.anyOf ?? [])]
    .map((branch) => branch.items ?? branch)
    .flatMap((branch) => [branch, ...(branch.anyOf ?? [])])
    .map(({ properties }) => properties)
    .find((properties) => properties !== undefined);
}

/** Several notations, none of which is just `off`. */
const isChoice = ({ anyOf, off, unit }: Schema) =>
  anyOf !== undefined && off !== true && unit === undefined;

const code = (text: string) => `\`${text}\``;

const inList = (words: readonly string[]) =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)!}`;

function describeNumber({ type, minimum, maximum }: Schema): string {
  const kind = type === 'integer' ? 'whole number' : 'number';
  if (minimum === undefined) return kind;
  return maximum === undefined
    ? `${kind} from ${minimum}`
    : `${kind} from ${minimum} to ${maximum}`;
}

function describeQuantity({ unit, off, anyOf = [] }: Schema): string {
  const kind = unit === 'share' ? 'percentage' : unit!;
  const words = off === true ? [] : anyOf.flatMap((branch) => branch.enum ?? []);
  return [kind, ...words.map((word) => `or ${code(String(word))}`)].join(' ');
}

function describeKind(schema: Schema): string {
  if (isChoice(schema)) return inList(schema.anyOf!.map(describeKind));
  if (propertiesOf(schema) !== undefined) return schema.items === undefined ? 'mapping' : 'list';
  if (schema.unit !== undefined) return describeQuantity(schema);
  if (schema.enum !== undefined) {
    return inList(schema.enum.filter((word) => typeof word === 'string').map(code));
  }
  if (schema.anyOf !== undefined) return describeKind(schema.anyOf[0]!);
  switch (schema.type) {
    case 'boolean':
      return '`true` or `false`';
    case 'integer':
    case 'number':
      return describeNumber(schema);
    case 'array':
      return schema.items?.type === 'integer' ? 'list of statuses' : 'list';
    case 'object':
      return 'mapping';
    case 'string':
      return 'text';
    default:
      return 'text or number';
  }
}

/** The allowed values, such as "duration or `off`". */
function describeValues(schema: Schema): string {
  const kind = describeKind(schema);
  return schema.off === true && schema.enum === undefined ? `${kind}, or ${code('off')}` : kind;
}

const written = (value: NonNullable<Schema['default']>): string =>
  typeof value === 'object' ? `[${value.join(', ')}]` : String(value);

function describeDefault(schema: Schema, isRequired: boolean): string {
  if (schema.default !== undefined) return code(written(schema.default));
  if (isRequired) return 'required';
  return schema.off === true && propertiesOf(schema) !== undefined ? code('on') : 'none';
}

/** A row per option; a mapping has a row of its own only where it can be switched off. */
function rowsOf(schema: Schema, prefix: string, leftOut: ReadonlySet<string>): string[] {
  const entries = Object.entries(propertiesOf(schema) ?? {});
  return entries
    .filter(([name]) => !leftOut.has(name))
    .flatMap(([name, option]) => {
      const key = prefix + name;
      const cells = [
        code(key),
        describeDefault(option, schema.required?.includes(name) === true),
        describeValues(option),
        option.description ?? '',
      ];
      const row = `| ${cells.join(' | ')} |`;
      if (propertiesOf(option) === undefined) return [row];
      const hasRow = option.off === true || isChoice(option) || option.items !== undefined;
      return [...(hasRow ? [row] : []), ...rowsOf(option, `${key}.`, new Set())];
    });
}

const table = (firstColumn: string, rows: readonly string[]) =>
  [`| ${firstColumn} | Default | Values | Meaning |`, '|---|---|---|---|', ...rows].join('\n');

/**
 * The options of a policy, of an upstream (without its policies), or of a section at the top of the file.
 * @param name as in the configuration file, or `upstream`.
 */
export function optionTable(name: string): string {
  if (name === 'upstream') {
    return table('Upstream key', rowsOf(fileSchemas(policies).upstream as Schema, '', policyNames));
  }
  const schema = schemas[name];
  if (schema === undefined) throw new Error(`There are no options of "${name}"`);
  return policyNames.has(name)
    ? table('Key', rowsOf(schema, '', new Set()))
    : table('Section key', rowsOf(schema, `${name}.`, new Set()));
}
