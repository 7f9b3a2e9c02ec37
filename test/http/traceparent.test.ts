import t from 'tap';
import { readTrace } from '../../src/http/traceparent.js';

const ID = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';

const read = (value: string) => readTrace(['Host', 'x', 'Traceparent', value]);

t.test('reads the trace of a caller', async (t) => {
  t.same(read(`00-${ID}-${PARENT}-01`), { id: ID, isSampled: true });
  t.same(read(`00-${ID}-${PARENT}-00`), { id: ID, isSampled: false });
  t.same(read(`00-${ID}-${PARENT}-03`), { id: ID, isSampled: true }, 'other flags do not matter');
  t.same(read(` 00-${ID}-${PARENT}-02 `), { id: ID, isSampled: false });
  t.same(read(`cc-${ID}-${PARENT}-01`), { id: ID, isSampled: true }, 'a later version');
  t.same(read(`cc-${ID}-${PARENT}-01-more`), { id: ID, isSampled: true });
});

t.test('reads none where it is not valid', async (t) => {
  const values = [
    '',
    'x',
    `00-${ID}-${PARENT}`,
    `00-${ID}-${PARENT}-01-more`,
    `00-${ID}-${PARENT}-01-`,
    `cc-${ID}-${PARENT}-01x`,
    `ff-${ID}-${PARENT}-01`,
    `00-${'0'.repeat(32)}-${PARENT}-01`,
    `00-${ID}-${'0'.repeat(16)}-01`,
    `00-${ID.toUpperCase()}-${PARENT}-01`,
    `00-${ID}0-${PARENT}-01`,
    `00-${ID}-${PARENT}-1`,
    `00-${ID}"}-${PARENT}-01`,
  ];
  for (const value of values) t.equal(read(value), undefined, value);
  t.equal(readTrace(['Host', 'x']), undefined);
});

t.test('reads none where there are several', async (t) => {
  const value = `00-${ID}-${PARENT}-01`;
  t.equal(readTrace(['traceparent', value, 'Traceparent', value]), undefined);
});
