/** `breakwater schema`: the JSON Schema of the configuration file, for editors. */
import { fileSchema } from '../config/schema/schema.js';
import type { Output } from './output.js';

/** @returns the exit code. */
export function schema(output: Output): number {
  output.stdout.write(`${JSON.stringify(fileSchema, undefined, 2)}\n`);
  return 0;
}
