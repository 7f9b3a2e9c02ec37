/**
 * The words of JSON Schema that options are made of, as plain data with TypeBox's static types. None of its code is
 * loaded, which would take a fifth of an empty start.
 */
import type {
  ArrayOptions,
  NumberOptions,
  SchemaOptions,
  StringOptions,
  TArray,
  TBoolean,
  TInteger,
  TNumber,
  TSchema,
  TString,
  TUnsafe,
} from '@sinclair/typebox';

export type { Static, TObject, TProperties, TSchema } from '@sinclair/typebox';

export const Type = {
  String: (options: StringOptions = {}) => ({ ...options, type: 'string' }) as TString,
  Number: (options: NumberOptions = {}) => ({ ...options, type: 'number' }) as TNumber,
  Integer: (options: NumberOptions = {}) => ({ ...options, type: 'integer' }) as TInteger,
  Boolean: (options: SchemaOptions = {}) => ({ ...options, type: 'boolean' }) as TBoolean,
  Array: <Items extends TSchema>(items: Items, options: ArrayOptions = {}) =>
    ({ ...options, type: 'array', items }) as unknown as TArray<Items>,
  /** Any schema. @typeParam Value what the code gets for it. */
  Unsafe: <Value>(schema: object) => schema as TUnsafe<Value>,
};
