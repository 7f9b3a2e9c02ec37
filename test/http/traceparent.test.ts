import t from 'tap';
import { formatTraceparent, readTrace } from '../../src/http/traceparent.js';

const ID = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';

const read = (value: string) => readTrace(['Host', 'x', 'Traceparent', value]);

const trace = (flags: number) => ({
  id: ID,
  parentId: PARENT,
  flags,
  isSampled: (flags & 1) === 1,
});

t.test('reads the trace of a caller', async (t) => {
  t.same(read(`00-${ID}-${PARENT}-01`), trace(1));
  t.same(read(`00-${ID}-${PARENT}-00`), trace(0));
  t.same(read(`00-${ID}-${PARENT}-03`), trace(3));
  t.same(read(` 00-${ID}-${PARENT}-02 `), trace(2));
  t.same(read(`00-${ID}-${PARENT}-ff`), trace(3), 'flags that are not defined are left out');
  t.same(read(`cc-${ID}-${PARENT}-01`), trace(1), 'a later version');
  t.same(read(`cc-${ID}-${PARENT}-01-more`), trace(1));
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

t.test('what is written can be read', async (t) => {
  for (const flags of [0, 1, 2, 3]) {
    const value = formatTraceparent(ID, PARENT, flags);
    t.equal(value, `00-${ID}-${PARENT}-0${flags}`);
    t.same(read(value), trace(flags));
  }
});
