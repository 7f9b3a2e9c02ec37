/** Compiles schemas to functions; the only user of Ajv. */
import {
  _,
  Ajv2020,
  type KeywordCxt,
  type Options as AjvOptions,
  type ValidateFunction,
} from 'ajv/dist/2020.js';
import type { TSchema } from '../../core/options.js';
import { LONGEST_DURATION_MS, parseDuration } from './units.js';

export type { ErrorObject, ValidateFunction } from 'ajv/dist/2020.js';

/** What is wrong with a value that has the keyword `unit`, as an expression in the compiled code. */
function failUnit(context: KeywordCxt): void {
  const { gen, data, schema: unit } = context;
  if (unit !== 'duration') return;
  const parse = gen.scopeValue('func', { ref: parseDuration, code: _`parseDuration` });
  context.fail(_`typeof ${data} == "string" && (${parse}(${data}) ?? 0) > ${LONGEST_DURATION_MS}`);
}

/** @param code more of what the compiled code is to be. */
export function createAjv(code: AjvOptions['code'] = {}): Ajv2020 {
  const ajv = new Ajv2020({
    allErrors: true,
    verbose: true,
    strict: true,
    allowUnionTypes: true,
    ownProperties: true,
    // Each start compiles it: every definition once and as it stands takes a quarter of the time.
    inlineRefs: false,
    code: { optimize: false, ...code },
    // Ours are in describe.ts.
    messages: false,
    // A test has checked the schema.
    meta: false,
    validateSchema: false,
  });
  ajv.addKeyword({ keyword: 'unit', schemaType: 'string', code: failUnit });
  ajv.addKeyword({ keyword: 'off', schemaType: 'boolean' });
  ajv.addKeyword({ keyword: 'alternatives', schemaType: 'array' });
  return ajv;
}

export const compile = (schema: TSchema): ValidateFunction => createAjv().compile(schema);
