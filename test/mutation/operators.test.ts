/** The mistakes that are put into the program, on small sources. */
import t from 'tap';
import { describe } from '../../tools/mutation/mutants.js';
import { findMutations, mutate } from '../../tools/mutation/operators.js';

/** What becomes of a source, by operator. */
const mutants = (source: string) =>
  findMutations(source).map((mutation) => `${mutation.operator}: ${mutate(source, mutation)}`);

const cases: readonly (readonly [source: string, mutants: readonly string[]])[] = [
  ['f(a < b);', ['removed call: ;', 'boundary: f(a <= b);', 'negated comparison: f(a >= b);']],
  ['x = a === b;', ['removed assignment: ;', 'negated comparison: x = a !== b;']],
  ['x += a;', ['removed assignment: ;', 'arithmetic: x -= a;']],
  ['x = a * b;', ['removed assignment: ;', 'arithmetic: x = a / b;']],
  ['x = a ?? b;', ['removed assignment: ;', 'logical operator: x = a && b;']],
  ['i++;', ['arithmetic: i--;']],
  ['const x = !a;', ['negation: const x = a;']],
  ['const x = -a;', ['arithmetic: const x = a;']],
  ['const x = true;', ['boolean: const x = false;']],
  ['const x = 4.5;', ['number: const x = 5.5;']],
  ["const x = 'a';", ["text: const x = '';"]],
  ["const x = '';", ["text: const x = 'mutant';"]],
  ['const x = `a${b}`;', ["text: const x = '';"]],
  ['const x = a?.b;', ['optional chaining: const x = a.b;']],
  ['const x = a?.[b];', ['optional chaining: const x = a[b];']],
  ['const x = a?.();', ['optional chaining: const x = a();']],
  ['await a();', ['removed call: ;']],
  ['const f = () => a;', ['return value: const f = () => undefined;']],
  ['function f() { return a; }', ['return value: function f() { return undefined; }']],
  ['function f() { let b; return; }', ['empty function: function f() {}']],
  [
    'const x = a ? b : c;',
    ['condition: const x = true ? b : c;', 'condition: const x = false ? b : c;'],
  ],
  ['if (a) b; else c;', ['condition: if (true) b; else c;', 'condition: if (false) b; else c;']],
  ['while (a) b;', ['condition: while (false) b;']],
  ['for (;a;) b;', ['condition: for (;false;) b;']],
];

for (const [source, expected] of cases) {
  t.test(`the mutants of ${source}`, async (t) => {
    t.same(mutants(source).toSorted(), [...expected].toSorted());
  });
}

t.test('names, addresses of imports and texts that are put together stay', async (t) => {
  for (const source of [
    "'use strict';",
    "import a from './a.js';",
    "export * from './a.js';",
    "const a = await import('./a.js');",
    'const a = { b: c };',
    'return_: for (;;) break return_;',
  ]) {
    t.same(mutants(source), [], source);
  }
  t.same(mutants("const x = 'a' + b;"), ["text: const x = '' + b;"], 'a text is not subtracted');
});

t.test('what would only break the class, and what is the same already, stays', async (t) => {
  t.same(mutants('class A extends B { constructor() { super(); this.a(); } }'), [
    'removed call: class A extends B { constructor() { super(); ; } }',
  ]);
  t.same(mutants('function f() { return undefined; }'), []);
  t.same(mutants('const f = () => void 0;'), ['number: const f = () => void 1;']);
});

t.test('an operator is found behind brackets and comments', async (t) => {
  t.ok(mutants('const x = (a /* <= */) <= b;').length > 0);
  for (const source of ['const x = (a) < b;', 'const x = a\n  < b;']) {
    t.ok(mutants(source).includes(`boundary: ${source.replace('<', '<=')}`), source);
  }
});

t.test('a mutant is shown as the line that it changes', async (t) => {
  const source = 'first();\n  function f() {\n    a();\n    b();\n  }\n';
  const shown = findMutations(source).map((mutation) => describe(source, mutation));
  t.same(shown, [
    { before: 'first();', after: ';' },
    { before: 'function f() { ...', after: 'function f() {}' },
    { before: 'a();', after: ';' },
    { before: 'b();', after: ';' },
  ]);
});
