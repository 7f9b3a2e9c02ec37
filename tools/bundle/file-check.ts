/** The check of configuration files, compiled when the bundle is made. To compile it at the start would be a fifth of the start. */
import standalone from 'ajv/dist/standalone/index.js';
import { createAjv } from '../../src/config/schema/compile.js';
import { fileSchemas } from '../../src/config/schema/schema.js';
import { policies } from '../../src/policies/index.js';

/** @returns a module that takes the place of config/schema/compile.js: it compiles all other schemas as that one does. */
export function writeFileCheck(): string {
  const ajv = createAjv({ source: true, esm: true });
  const check = standalone.default(ajv, ajv.compile(fileSchemas(policies).file));
  return `import { policies } from '../../policies/index.js';
import { compile as compileNow } from './compile.js?now';
import { fileSchemas } from './schema.js';
import { parseDuration } from './units.js';

export const compile = (schema) =>
  schema === fileSchemas(policies).file ? validate : compileNow(schema);

${check}`;
}
