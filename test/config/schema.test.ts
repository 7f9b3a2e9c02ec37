/** The schema itself: what an editor can read, because it is JSON Schema and nothing else. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import t from 'tap';
import { fileSchemas } from '../../src/config/schema/schema.js';
import { policies } from '../../src/policies/index.js';

t.test('is sound JSON Schema, which the start takes for granted', async (t) => {
  const { file } = fileSchemas(policies);
  const ajv = new Ajv2020({ allErrors: true });
  t.equal(ajv.validateSchema(file), true, ajv.errorsText());
  t.equal(ajv.validateSchema({ ...file, required: 'upstreams' }), false);
});
