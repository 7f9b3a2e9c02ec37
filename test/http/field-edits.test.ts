import * as fc from 'fast-check';
import t from 'tap';
import { FieldEdits } from '../../src/http/field-edits.js';

t.test('a field keeps its place and its case when it is set', async (t) => {
  const edits = new FieldEdits(['A', '1', 'X-Deadline', 'old', 'B', '2']);
  edits.set('x-deadline', 'new');
  t.same(edits.fields, ['A', '1', 'X-Deadline', 'new', 'B', '2']);
});

t.test('a field that is set is there once', async (t) => {
  const edits = new FieldEdits(['X', '1', 'A', 'a', 'x', '2', 'x', '3', 'B', 'b']);
  edits.set('X', '4');
  t.same(edits.fields, ['X', '4', 'A', 'a', 'B', 'b']);
});

t.test('a field that is not there yet comes last', async (t) => {
  const edits = new FieldEdits(['A', '1']);
  edits.set('X-Attempt-Count', '2');
  t.same(edits.fields, ['A', '1', 'X-Attempt-Count', '2']);
});

t.test('the list it was made from stays as it is', async (t) => {
  const fields = ['A', '1'];
  const edits = new FieldEdits(fields);
  edits.set('A', '2');
  edits.remove('A');
  t.same(fields, ['A', '1']);
});

const lists = fc.array(fc.tuple(fc.constantFrom('A', 'a', 'B', 'Ab'), fc.constantFrom('1', '2')));

t.test('fields of other names keep their values and order', async (t) => {
  fc.assert(
    fc.property(lists, fc.constantFrom('a', 'B'), fc.boolean(), (pairs, name, isSet) => {
      const edits = new FieldEdits(pairs.flat());
      if (isSet) edits.set(name, 'new');
      else edits.remove(name);
      const isOther = (_: string, at: number, all: readonly string[]) =>
        all[at - (at % 2)]!.toLowerCase() !== name.toLowerCase();
      const own = edits.fields.filter((...each) => !isOther(...each));
      t.equal(own.length, isSet ? 2 : 0);
      t.same(edits.fields.filter(isOther), pairs.flat().filter(isOther));
    }),
  );
});
