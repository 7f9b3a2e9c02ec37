import t from 'tap';
import { createFieldObject } from '../../src/http/field-object.js';

t.test('has nothing but what is put in, whatever its name', async (t) => {
  const object = createFieldObject<string>();
  t.equal(object['constructor'], undefined);
  t.equal(object['__proto__'], undefined);
  object['__proto__'] = 'a';
  object['constructor'] = 'b';
  t.same(Object.entries(object), [
    ['__proto__', 'a'],
    ['constructor', 'b'],
  ]);
  t.same(Object.entries(createFieldObject()), []);
});
