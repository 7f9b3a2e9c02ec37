/** `breakwater schema`: the JSON Schema of the configuration file, for editors. */
import { fileSchemas } from '../config/schema/schema.js';
import { policies } from '../policies/index.js';
import type { Output } from './output.js';

/** @returns the exit code. */
export function schema(output: Output): number {
  output.stdout.write(`${JSON.stringify(fileSchemas(policies).file, undefined, 2)}\n`);
  return 0;
}
