/** `breakwater schema`: the JSON Schema of the configuration file, or of files with policy tests, for editors. */
import { fileSchemas } from '../config/schema/schema.js';
import { policies } from '../policies/index.js';
import { testFileSchema } from '../policy-tests/schema.js';
import type { Output } from './output.js';

export interface SchemaOptions {
  /** Of files with policy tests. */
  readonly tests: boolean;
}

/** @returns the exit code. */
export function schema(output: Output, { tests }: SchemaOptions = { tests: false }): number {
  const printed = tests ? testFileSchema : fileSchemas(policies).file;
  output.stdout.write(`${JSON.stringify(printed, undefined, 2)}\n`);
  return 0;
}
