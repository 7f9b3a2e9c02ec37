import t from 'tap';
import {
  allValues,
  combinedValue,
  countFields,
  fieldLines,
  fieldPairs,
  filterFields,
  firstValue,
  hasField,
  listMembers,
} from '../../src/http/fields.js';

const fields = ['Vary', 'Accept', 'ETag', '"a"', 'vary', ' Origin , ', 'X-Empty', ''];

t.test('finds values whatever the case of the name', async (t) => {
  t.equal(firstValue(fields, 'vary'), 'Accept');
  t.same(allValues(fields, 'vary'), ['Accept', ' Origin , ']);
  t.equal(combinedValue(fields, 'vary'), 'Accept,  Origin , ');
  t.equal(countFields(fields, 'vary'), 2);
  t.ok(hasField(fields, 'etag'));
});

t.test('tells a field without a value from none', async (t) => {
  t.equal(firstValue(fields, 'x-empty'), '');
  t.ok(hasField(fields, 'x-empty'));
  t.equal(combinedValue(fields, 'x-empty'), undefined, 'a combined value is never empty');
  t.equal(firstValue(fields, 'age'), undefined);
  t.notOk(hasField(fields, 'age'));
  t.same(allValues(fields, 'age'), []);
  t.equal(countFields(fields, 'age'), 0);
});

t.test('takes no value for a name', async (t) => {
  t.notOk(hasField(['Vary', 'Accept'], 'accept'));
});

t.test('reads the members of a list from all its fields', async (t) => {
  t.same(listMembers(fields, 'vary'), ['accept', 'origin']);
  const directives = ['Cache-Control', 'Private="x", max-age=5', 'Cache-Control', 'NO-STORE'];
  t.same(listMembers(directives, 'cache-control'), ['private', 'max-age', 'no-store']);
});

t.test('filters by the name in lower case and keeps order, case and repetitions', async (t) => {
  t.same(
    filterFields(fields, (name) => name === 'vary'),
    ['Vary', 'Accept', 'vary', ' Origin , '],
  );
});

t.test('writes fields as lines and as pairs', async (t) => {
  t.equal(fieldLines(['A', '1', 'b', '']), 'A: 1\r\nb: \r\n');
  t.equal(fieldLines([]), '');
  t.same(fieldPairs(['A', '1', 'a', '2']), [
    ['A', '1'],
    ['a', '2'],
  ]);
});
