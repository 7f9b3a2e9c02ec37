/** Which mutants are run, and against which tests. */
import t from 'tap';
import { distancesTo, importsOf } from '../../tools/mutation/modules.js';
import { shuffle, takeInTurns } from '../../tools/mutation/sample.js';
import { chooseTests, isUsed } from '../../tools/mutation/tests.js';

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

t.test('each folder has turns by the square root of its size', async (t) => {
  const small = numbers(0, 100);
  const large = numbers(1000, 11_000);
  const taken = takeInTurns([small, [], large], 66);
  t.same(
    taken.filter((number) => number < 1000),
    numbers(0, 6),
  );
  t.same(
    taken.filter((number) => number >= 1000),
    numbers(1000, 1060),
  );
  t.same(taken.slice(0, 30), takeInTurns([small, [], large], 30), 'a smaller sample is in it');
});

t.test('a folder gives all it has, and no more', async (t) => {
  t.same(takeInTurns([[1, 2], numbers(10, 100)], 30).length, 30);
  t.same(new Set(takeInTurns([[1], [2, 3]], 30)), new Set([1, 2, 3]));
});

t.test('a place in the order depends on the seed and the name only', async (t) => {
  const items = numbers(0, 200);
  const shuffled = shuffle(items, 1, String);
  t.same(shuffled, shuffle(items.toReversed(), 1, String));
  t.notSame(shuffled, shuffle(items, 2, String));
  t.notSame(shuffled, items);
  t.same(
    shuffled.toSorted((a, b) => a - b),
    items,
    'nothing is lost',
  );
  const even = items.filter((item) => item % 2 === 0);
  t.same(
    shuffle(even, 1, String),
    shuffled.filter((item) => item % 2 === 0),
    'others may come and go',
  );
});

t.test('imports of every form are followed, but not into packages', async (t) => {
  const source = `import a from 'a';
import './b.js';
import { c } from '../c.js';
export * from './d/d.js';
export { e } from './e.js';
export const f = () => import('./f.js');
export const g = 1;
`;
  t.same(importsOf('dist/src/x/x.js', source), [
    'dist/src/x/b.js',
    'dist/src/c.js',
    'dist/src/x/d/d.js',
    'dist/src/x/e.js',
    'dist/src/x/f.js',
  ]);
});

t.test('the distance is that of the shortest way', async (t) => {
  const imports = new Map([
    ['near', ['target']],
    ['both', ['near', 'target']],
    ['far', ['near', 'circle']],
    ['circle', ['far']],
    ['beside', ['other']],
  ]);
  t.same(
    [...distancesTo('target', imports)],
    [
      ['target', 0],
      ['near', 1],
      ['both', 1],
      ['far', 2],
      ['circle', 3],
    ],
  );
});

t.test('the tests that know a module best come first', async (t) => {
  const distances = new Map([
    ['dist/test/e2e/policies.test.js', 1],
    ['dist/test/outbound/far.test.js', 5],
    ['dist/test/outbound/near.test.js', 2],
    ['dist/test/policies/order.test.js', 2],
    ['dist/test/policies/retry/retry.property.test.js', 2],
    ['dist/test/policies/retry/retry.test.js', 2],
    ['dist/test/policies/retry/budget.test.js', 3],
  ]);
  const tests = [...distances.keys(), 'dist/test/http/unrelated.test.js'];
  t.same(chooseTests('dist/src/policies/retry/budget.js', tests, distances), {
    unit: [
      'dist/test/policies/retry/budget.test.js',
      'dist/test/policies/retry/retry.test.js',
      'dist/test/policies/retry/retry.property.test.js',
      'dist/test/policies/order.test.js',
      'dist/test/outbound/near.test.js',
      'dist/test/outbound/far.test.js',
    ],
    whole: ['dist/test/e2e/policies.test.js'],
  });
});

t.test('what is declared is compared with the documents first', async (t) => {
  const distances = new Map([
    ['dist/test/e2e/policies.test.js', 3],
    ['dist/test/docs/reference.test.js', 6],
  ]);
  const wholeOf = (module: string) =>
    chooseTests(module, [...distances.keys()], distances).whole.map((path) => path.split('/')[2]);
  t.same(wholeOf('dist/src/policies/retry/options.js'), ['docs', 'e2e']);
  t.same(wholeOf('dist/src/policies/retry/budget.js'), ['e2e', 'docs']);
});

t.test('tests that take minutes are not run', async (t) => {
  t.ok(isUsed('dist/test/core/judge.test.js'));
  t.ok(isUsed('dist/test/e2e/policies.test.js'));
  t.notOk(isUsed('dist/test/core/support.js'));
  for (const folder of ['batches', 'browser', 'process', 'stores'])
    t.notOk(isUsed(`dist/test/${folder}/x.test.js`), folder);
});
