/** The words for what a schema allows and for what was written instead. */
import type { OptionKeywords, Unit } from '../../core/options.js';
import { didYouMean, listWords } from '../syntax/diagnostics.js';
import { hideUser } from '../syntax/hide-user.js';
import type { SourceNode } from '../syntax/source.js';
import { parseQuantity, suggestQuantities, unitExamples } from './units.js';

/** A JSON schema as the messages read it. */
export interface SchemaView extends OptionKeywords {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly SchemaView[];
  readonly properties?: Readonly<Record<string, { readonly writeOnly?: boolean }>>;
  readonly maxProperties?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly minLength?: number;
  readonly writeOnly?: boolean;
  /** What a text with a pattern, or a number, is. */
  readonly title?: string;
}

/** Words for patterns. */
const patternWords: Readonly<Record<string, string>> = {
  "^[!#$%&'*+.^_`|~0-9A-Z-]+$": 'an HTTP method in capitals, such as GET',
  "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$": 'the name of a header',
};

function describeText({ title, pattern, minLength }: SchemaView): string {
  if (title !== undefined) return title;
  if (pattern !== undefined) return patternWords[pattern] ?? `text that matches ${pattern}`;
  return minLength === undefined ? 'text' : 'text that is not empty';
}

function describeNumber({ type, minimum, maximum, title }: SchemaView): string {
  if (title !== undefined) return title;
  const kind = type === 'integer' ? 'a whole number' : 'a number';
  if (minimum !== undefined && maximum !== undefined)
    return `${kind} from ${minimum} to ${maximum}`;
  return minimum === undefined ? kind : `${kind} of at least ${minimum}`;
}

function describeKind(schema: SchemaView): string {
  if (schema.unit !== undefined) return schema.title ?? unitExamples[schema.unit];
  if (schema.anyOf !== undefined) {
    return listWords(schema.anyOf.filter((branch) => branch.type !== undefined).map(describeKind));
  }
  if (schema.enum !== undefined) {
    return listWords(schema.enum.filter((word) => typeof word === 'string').map(String));
  }
  switch (schema.type) {
    case 'object':
      return 'a mapping';
    case 'array':
      return schema.minItems === undefined ? 'a list' : 'a list that is not empty';
    case 'boolean':
      return 'true or false';
    case 'integer':
    case 'number':
      return describeNumber(schema);
    default:
      return describeText(schema);
  }
}

const allowsOff = (schema: SchemaView) =>
  schema.off === true || schema.enum?.includes('off') === true;

/** `a duration such as 250ms, 1.5s, 2m or 1h, or off` */
export function describeAllowed(schema: SchemaView): string {
  return describeKind(schema) + (allowsOff(schema) && schema.enum === undefined ? ', or off' : '');
}

/** As it can be shown: short, on one line. */
export function describeSeen(node: SourceNode): string {
  if (node.kind === 'map') return node.entries.size === 0 ? 'an empty mapping' : 'a mapping';
  if (node.kind === 'list') return node.items.length === 0 ? 'an empty list' : 'a list';
  if (node.kind === 'broken' || node.value === null) return 'nothing';
  if (typeof node.value !== 'string') return String(node.value);
  // A URL with a password may stand where none belongs.
  const value = hideUser(node.value);
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 59)}…` : value);
}

/** What other programs write for `off`: a word, 0 of something, or a negative number. */
const OFF_ELSEWHERE = /^(?:of|no|none|never|disabled?|-\d.*|0+(?:\.0+)?\s*[a-z%]*)$/i;

const meansOff = ({ unit }: SchemaView, written: string) =>
  OFF_ELSEWHERE.test(written) || (unit !== undefined && parseQuantity(unit, written) === 0);

const patternOf = ({ pattern, anyOf }: SchemaView) => pattern ?? anyOf?.[0]?.pattern ?? '';

const ABOVE_ZERO = '; it must be above 0';

/** Of a quantity whose notation is right. */
function describeBounds(unit: Unit, written: string): string {
  return parseQuantity(unit, written) === 0 ? ABOVE_ZERO : '; the most is 100%';
}

/** ` did you mean ...?`, or nothing. */
function suggest(schema: SchemaView, node: SourceNode): string {
  if (node.kind !== 'scalar' || node.value === null) return '';
  const written = String(node.value);
  const choices = schema.enum ?? schema.anyOf?.flatMap((branch) => branch.enum ?? []) ?? [];
  const words = choices.filter((word) => typeof word === 'string');
  if (allowsOff(schema) && meansOff(schema, written)) return '; did you mean "off"?';
  if (schema.unit !== undefined) {
    if (parseQuantity(schema.unit, written) !== undefined)
      return describeBounds(schema.unit, written);
    const allowed = new RegExp(patternOf(schema));
    const quantities = suggestQuantities(schema.unit, written).filter((text) => allowed.test(text));
    if (quantities.length > 0) {
      return `; did you mean ${listWords(quantities.map((text) => JSON.stringify(text)))}?`;
    }
    if (written.trim() !== '' && Number(written) === 0) return ABOVE_ZERO;
  }
  const isMethod =
    schema.pattern !== undefined && new RegExp(schema.pattern).test(written.toUpperCase());
  return semicolon(didYouMean(written, isMethod ? [written.toUpperCase()] : words));
}

const semicolon = (text: string) => (text === '' ? '' : `;${text}`);

/** What a secret is, without its value. */
function describeSecret(node: SourceNode): string {
  if (node.kind !== 'scalar' || node.value === null || node.value === '') return describeSeen(node);
  const kinds = { string: 'text', number: 'a number', boolean: 'true or false' } as const;
  return `${kinds[typeof node.value as keyof typeof kinds]} (not shown)`;
}

/** `must be ..., but is ...; did you mean ...?` */
export function describeWrongValue(schema: SchemaView, node: SourceNode): string {
  // A secret may stand in place of the mapping that it belongs into.
  const isSecret =
    schema.writeOnly === true ||
    Object.values(schema.properties ?? {}).some((property) => property.writeOnly === true);
  const seen = isSecret ? describeSecret(node) : describeSeen(node);
  const suggestion = isSecret ? '' : suggest(schema, node);
  return `must be ${describeAllowed(schema)}, but is ${seen}${suggestion}`;
}

/** Of a mapping that takes one key out of several. */
export function describeChoice({ properties = {} }: SchemaView): string {
  const keys = Object.keys(properties).map((key) => `\`${key}\``);
  return `must have exactly one of ${listWords(keys, 'and')}`;
}

/** `is an unknown key; did you mean ...? allowed are ...` */
export function describeUnknownKey(key: string, known: readonly string[], hint = ''): string {
  const suggestion = hint === '' ? semicolon(didYouMean(key, known)) : `; ${hint}`;
  return `is an unknown key${suggestion === '' ? ';' : suggestion} allowed are ${listWords(known, 'and')}`;
}
