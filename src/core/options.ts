/**
 * The words in which options are declared. One declaration gives the validation, the default, the documentation, the
 * editor's schema and the TypeScript type. Values are written in the file's notation (`2s`, `64KiB`, `20%`); the static
 * type is what the code gets after decoding: ms, bytes, a share 0..1, a number per second, or the word 'off'.
 */
import { DURATION_PATTERN } from '../lib/duration.js';
import { Type, type Static, type TObject, type TProperties, type TSchema } from './json-schema.js';

export { Type, type Static, type TSchema };

/** Keywords that this project adds to JSON Schema; validators that do not know them ignore them. */
export interface OptionKeywords {
  /** How a string is decoded to a number. */
  readonly unit?: Unit;
  /** The words `off` and `false` are allowed as well. */
  readonly off?: true;
  /** Of a mapping: only one of these keys can hold, so one that a later layer writes replaces the others. */
  readonly alternatives?: readonly string[];
}

export type Unit = 'duration' | 'size' | 'share' | 'rate';

/** Each unit's notation. A duration may have several parts, the larger unit first: `1m30s`. */
export const unitPatterns: Readonly<Record<Unit, string>> = {
  duration: DURATION_PATTERN,
  size: '^\\d+(\\.\\d+)?(B|KiB|MiB|GiB)$',
  share: '^\\d+(\\.\\d+)?%$',
  rate: '^\\d+(\\.\\d+)?/[smh]$',
};

export type Off = 'off';

interface Described {
  readonly description: string;
  /** In the file's notation. */
  readonly default?: string;
}

/** Which values of a quantity make sense. */
interface Bounds {
  /** Whether 0 is allowed. By default it is, except where `off` is allowed: 0 is then meant as `off`. */
  readonly zero?: boolean;
  /** Of a share: values above 100% are allowed. */
  readonly above100?: true;
}

type Quantity = Described & Bounds;
type RateOptions = Described & Pick<Bounds, 'zero'>;

const offWords = { enum: ['off', false] };

/** `on` stands for the default, or for what an earlier layer wrote. */
const switchWords = { enum: ['off', false, 'on', true] };

/** Without leading zeros the largest is 100%. */
const SHARE_PATTERN = '^(100(\\.0+)?|\\d{1,2}(\\.\\d+)?)%$';

function patternOf(unit: Unit, { zero, above100 }: Bounds): string {
  const pattern = unit === 'share' && above100 !== true ? SHARE_PATTERN : unitPatterns[unit];
  return zero === false ? pattern.replace('^', '^(?=.*[1-9])') : pattern;
}

function quantity(unit: Unit, { zero = true, above100, ...options }: Quantity): TSchema {
  const pattern = patternOf(unit, { zero, ...(above100 && { above100 }) });
  return Type.Unsafe<number>({ type: 'string', pattern, unit, ...options });
}

function quantityOrOff(unit: Unit, { zero = false, ...options }: Described & { zero?: boolean }) {
  const notation = { type: 'string', pattern: patternOf(unit, { zero }) };
  const words = wordsFor(options.default);
  return Type.Unsafe<number | Off>({ anyOf: [notation, words], unit, off: true, ...options });
}

/** Where nothing is switched on by default, `on` would not say what is meant. */
const wordsFor = (standard: unknown) =>
  standard === undefined || standard === 'off' ? offWords : switchWords;

type NumberSchema = ReturnType<typeof Type.Unsafe<number>>;
type NumberOrOffSchema = ReturnType<typeof Type.Unsafe<number | Off>>;

/** `250ms`, `1.5s`, `1m30s`, `1h`; decoded to ms. */
export const Duration = (options: Quantity) => quantity('duration', options) as NumberSchema;
export const DurationOrOff = (options: Described & { zero?: boolean }) =>
  quantityOrOff('duration', options) as NumberOrOffSchema;
/** `512B`, `64KiB`, `1MiB`, `1GiB`; decoded to bytes. */
export const Size = (options: Described) => quantity('size', options) as NumberSchema;
export const SizeOrOff = (options: Described) =>
  quantityOrOff('size', options) as NumberOrOffSchema;
/** `20%`; decoded to 0.2. */
export const Share = (options: Quantity) => quantity('share', options) as NumberSchema;
export const ShareOrOff = (options: Described) =>
  quantityOrOff('share', options) as NumberOrOffSchema;

/** As `Share`, or a word that stands for something else; only the share is decoded. */
export const ShareOrWord = <const Word extends string>(word: Word, options: Described) =>
  Type.Unsafe<number | Word>({
    anyOf: [{ type: 'string', pattern: SHARE_PATTERN }, { enum: [word] }],
    title: `a share such as 20%, or ${word}`,
    unit: 'share',
    ...options,
  });

/** `100/s`, `30/m`, `10/h`; decoded to a number per second. */
export const Rate = (options: RateOptions) => quantity('rate', options) as NumberSchema;

/** A whole number within bounds. */
export const Count = (options: {
  description: string;
  default?: number;
  minimum: number;
  maximum?: number;
}) => Type.Integer(options);

export const CountOrOff = (options: {
  description: string;
  default?: number | Off;
  minimum: number;
}) => {
  const { minimum, ...rest } = options;
  return Type.Unsafe<number | Off>({
    anyOf: [{ type: 'integer', minimum }, wordsFor(options.default)],
    off: true,
    ...rest,
  });
};

/**
 * A mapping of options. Every key may be left out in the file, so the schema requires none; the static type has them
 * all, because defaults fill in what was not written.
 */
export function Options<P extends TProperties>(
  properties: P,
  options: { description: string; alternatives?: readonly string[] },
): TObject<P> {
  const schema: object = { additionalProperties: false, ...options, type: 'object', properties };
  return schema as TObject<P>;
}

/** A list of mappings that may also be switched off as a whole. @typeParam Item one of them, decoded. */
export function ListOrOff<Item>(
  items: TSchema,
  options: { description: string; default?: Off; minItems?: number },
) {
  const { minItems, ...rest } = options;
  const list = { type: 'array', items, ...(minItems === undefined ? {} : { minItems }) };
  return Type.Unsafe<readonly Item[] | Off>({ anyOf: [list, offWords], off: true, ...rest });
}

/** A mapping that may also be switched off and on as a whole. Opt-in ones are off by default. */
export function Switchable<O extends TObject>(object: O, options: { default?: Off } = {}) {
  const { description } = object;
  return Type.Unsafe<Static<O> | Off>({
    anyOf: [object, object.required === undefined ? switchWords : offWords],
    off: true,
    ...(description === undefined ? {} : { description }),
    ...options,
  });
}
