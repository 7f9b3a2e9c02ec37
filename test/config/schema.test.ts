/** The schema itself: what an editor can read, because it is JSON Schema and nothing else. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import t from 'tap';
import { fileSchema } from '../../src/config/schema/schema.js';

t.test('is sound JSON Schema, which the start takes for granted', async (t) => {
  const ajv = new Ajv2020({ allErrors: true });
  t.equal(ajv.validateSchema(fileSchema), true, ajv.errorsText());
  t.equal(ajv.validateSchema({ ...fileSchema, required: 'upstreams' }), false);
});
