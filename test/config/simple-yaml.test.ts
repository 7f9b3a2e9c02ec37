/** What is read without the parser is what the parser would have made of it. All else is left to the parser. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import t from 'tap';
import { readSimple } from '../../src/config/syntax/simple-yaml.js';
import { Findings } from '../../src/config/syntax/diagnostics.js';
import { parseSource } from '../../src/config/syntax/parse.js';
import { find, toPlain } from '../../src/config/syntax/source.js';
import { codeBlocks } from '../docs/markdown.js';
import { isReadAlike } from '../support/simple-yaml.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const ENVIRONMENT = { PORT: '8101', NAME: 'a b', YES: 'true', EMPTY: '' };

const isSimple = (text: string, file?: string) => isReadAlike(text, ENVIRONMENT, file);

t.test(
  'all examples of configurations are simple, and are read as the parser reads them',
  async (t) => {
    const names = readdirSync(join(ROOT, 'config'), { recursive: true, encoding: 'utf8' });
    for (const name of names.filter((each) => each.endsWith('.yaml'))) {
      t.ok(isSimple(readFileSync(join(ROOT, 'config', name), 'utf8')), name);
    }
  },
);

t.test(
  'files of tests, charts and documents are read as the parser reads them, or not at all',
  async (t) => {
    for (const folder of ['test', 'deploy', 'docs']) {
      for (const name of readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })) {
        const text = () => readFileSync(join(ROOT, folder, name), 'utf8');
        if (name.endsWith('.yaml')) isSimple(text());
        if (!name.endsWith('.md')) continue;
        for (const block of codeBlocks(text())) if (block.language === 'yaml') isSimple(block.text);
      }
    }
    t.pass('each compared');
  },
);

t.test('values are those of YAML', async (t) => {
  const read = (text: string) => {
    t.ok(isSimple(text), text);
    return toPlain(readSimple(text, ENVIRONMENT)!);
  };
  t.strictSame(
    read(
      'a: [~, null, Null, true, FALSE, off, yes, 0x1F, 0o17, 017, 1_000, .5, 1., -1, +1, 1e3]\n',
    ),
    { a: [null, null, null, true, false, 'off', 'yes', 31, 15, 17, '1_000', 0.5, 1, -1, 1, 1000] },
  );
  t.strictSame(read('a: [.inf, -.INF, .nan, 1-2, 127.0.0.1, 10%, 5s, 12:30, -x]\n'), {
    a: [Infinity, -Infinity, NaN, '1-2', '127.0.0.1', '10%', '5s', '12:30', '-x'],
  });
  t.strictSame(read(`a: "x \\u0041 \\"b\\""\nb: 'it''s "so"'\nc: ""\nd: it's "so"\n`), {
    a: 'x A "b"',
    b: 'it\'s "so"',
    c: '',
    d: 'it\'s "so"',
  });
  t.strictSame(read('a: ${PORT}\nb: "${PORT}"\nc: ${NAME}#x y # z\nd: ${EMPTY:-1}\n'), {
    a: 8101,
    b: '8101',
    c: 'a b#x y',
    d: 1,
  });
  t.strictSame(read('true: 1\nnull: 2\n12: 3\n"a: b": 4\n\'<<\': 5\n__proto__: 6\n'), {
    true: 1,
    null: 2,
    12: 3,
    'a: b': 4,
    '<<': 5,
    ['__proto__']: 6,
  });
});

t.test(
  'places are counted behind comments, empty lines and dashes, and name an included file',
  async (t) => {
    const text = '# x\n\na: # y\n    # z\n   b:\n   -   c: 1\n\n       d: [ {e: f} ]\n   - g';
    t.ok(isSimple(text, 'team.yaml'));
    const read = readSimple(text, {}, 'team.yaml');
    t.match(read, { position: { line: 3, column: 1, file: 'team.yaml' } });
    t.match(find(read!, '/a/b/0/d/0/e'), {
      key: { line: 8, column: 14, file: 'team.yaml' },
      node: { value: 'f', position: { line: 8, column: 17, file: 'team.yaml' } },
    });
  },
);

t.test('what is not simple is left to the parser', async (t) => {
  for (const text of [
    '',
    '# only a comment\n',
    'a',
    '- a\n',
    '{ a: b }\n',
    'a: 1\na: 2\n',
    '{ a: 1, a: 2 }\n',
    'a: &x 1\n',
    'a: *x\n',
    'a: !!str 1\n',
    '<<: { a: 1 }\n',
    'a: |\n  b\n',
    'a: >-\n  b\n',
    '---\na: b\n',
    'a: b\n---\nc: d\n',
    'a: b\n...\n',
    '%YAML 1.2\n---\na: b\n',
    'a: b\n  c\n',
    'a: b\n  c: d\n',
    'a:\n  b\n',
    'a: "b\n  c"\n',
    'a: [b,\n  c]\n',
    'a:\n',
    'a:\nb: c\n',
    'a: { b: }\n',
    'a: { b }\n',
    'a: [b: c]\n',
    'a: [,]\n',
    'a: [b\n',
    'a: b: c\n',
    'a: b:\n',
    'a: "b" c\n',
    'a: {}#b\n',
    'a: - b\n',
    'a: @b\n',
    'a: b\n c: d\n',
    '  a: b\nc: d\n',
    'a:\n  - b\n - c\n',
    'a:\n  - - b\n',
    'a:\n  -\n    b: c\n',
    'a:\tb\n',
    'a: b\r\n',
    'a: "\\z"\n',
    'a: ${NONE}\n',
    'a: ${PORT\n',
    `a: ${'['.repeat(60)}${']'.repeat(60)}\n`,
  ]) {
    t.equal(readSimple(text, ENVIRONMENT), undefined, JSON.stringify(text));
  }
});

t.test('values of millions of characters are read, or left to the parser', async (t) => {
  const length = 3_000_000;
  for (const value of ['b '.repeat(length), 'b:'.repeat(length)]) {
    const parsed = parseSource(`a: ${value}c\n`, {}, new Findings('x.yaml'));
    t.strictSame(parsed && toPlain(parsed), { a: `${value}c` });
  }
  t.ok(isSimple(`a: "${'b'.repeat(length)}"\n`));
});

/** Picks one of `odd` for one text in some. */
const mostly = (usual: readonly string[], odd: readonly string[]) =>
  fc.oneof(
    { arbitrary: fc.constantFrom(...usual), weight: 30 },
    { arbitrary: fc.constantFrom(...odd), weight: 1 },
  );
const joined = (...parts: fc.Arbitrary<string>[]) =>
  fc.tuple(...parts).map((written) => written.join(''));

const word = mostly(
  [
    ...`a|a:b|a#b|a,b|-a|5s|12|-1|+1|0x1F|.5|1e3|.nan|true|null|~|/a/*|http://a:80|a b|a  b`.split(
      '|',
    ),
    ...`\${PORT}|"\${YES}"|"a"|'it''s'|"\\n"|{}|[ ]|[a, "b"]|{a: b, c: [d, 1,]}|{a: b c}`.split(
      '|',
    ),
    ...'[a:b, http://a]|{ "a": 1, b: {c: d} }'.split('|'),
  ],
  [
    ...`a  #b|-|\${NONE}|[a: b]|{a}|{a:}|[a #b]|a: b|- a|*a|&a|>|!!str a|---|"a" b|a:|ü|"`.split(
      '|',
    ),
    ...'\u00a0|\u{1F600}|{a: 1, a: 2}|[a|"a": b|{}#a|[a :b]|{a:b}'.split('|'),
  ],
);
const key = mostly('a|b|c|d|e|true|12|"f"|"k#"'.split('|'), [
  '<<',
  'g h',
  "'i'",
  '"\\n"',
  '-',
  '?',
]);
const behind = mostly(['', '', ' ', ' # c', ' #c: d'], ['#c', '\t']);
const indentation = fc.constantFrom('', '', ' ', '  ', '  ', '   ', '    ');
const comment = joined(indentation, fc.constantFrom('# c', '#', '', '# a: b'));

/** Lines that may belong together. */
const loose = fc.array(
  fc.oneof(
    joined(indentation, key, mostly([': '], [':', ' : ']), word, behind),
    joined(indentation, mostly(['- '], ['-', '-   ']), word, behind),
    joined(indentation, fc.constant('- '), key, fc.constant(': '), word, behind),
  ),
  { maxLength: 7 },
);

const indent = (lines: readonly string[], by: string) => lines.map((each) => by + each);

/** Lines that belong together. */
const { map } = fc.letrec<Record<'map' | 'list' | 'value', string[]>>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    joined(fc.constant(' '), word, behind).map((written) => [written]),
    fc
      .tuple(behind, fc.constantFrom('  ', '   ', '      '), tie('map'))
      .map(([end, by, lines]) => [end, ...indent(lines, by)]),
    fc
      .tuple(behind, fc.constantFrom('', '  ', '    '), tie('list'))
      .map(([end, by, lines]) => [end, ...indent(lines, by)]),
  ),
  map: fc
    .uniqueArray(fc.tuple(key, tie('value')), {
      selector: ([name]) => name,
      minLength: 1,
      maxLength: 4,
    })
    .map((parts) => parts.flatMap(([name, [first, ...rest]]) => [`${name}:${first}`, ...rest])),
  list: fc
    .array(
      fc.oneof(
        joined(word, behind).map((written) => [written]),
        tie('map'),
      ),
      {
        minLength: 1,
        maxLength: 3,
      },
    )
    .map((items) => items.flatMap(([first, ...rest]) => [`- ${first}`, ...indent(rest, '  ')])),
}));

/** What is done to a text at a place of it. */
const change = fc.record({
  at: fc.nat(200),
  removed: fc.nat(2),
  added: fc.constantFrom(
    ...':-#{}[], \n"\'&*!|>%@`?~<\t\r.\\x1'.split(''),
    '',
    ' #',
    ': ',
    '\n  ',
    '\n- ',
  ),
});

const texts = fc
  .record({
    lines: fc.oneof({ arbitrary: loose, weight: 1 }, { arbitrary: map, weight: 3 }),
    comments: fc.array(fc.tuple(fc.nat(9), comment), { maxLength: 2 }),
    end: fc.constantFrom('\n', '', '\n\n  ', '\n# end'),
    changes: fc.oneof(fc.constant([]), fc.array(change, { maxLength: 1 })),
  })
  .map(({ lines, comments, end, changes }) => {
    const all = [...lines];
    for (const [place, written] of comments) all.splice(place, 0, written);
    let text = all.join('\n') + end;
    for (const { at, removed, added } of changes) {
      const place = at % (text.length + 1);
      text = text.slice(0, place) + added + text.slice(place + removed);
    }
    return text;
  });

t.test('whatever is read without the parser, the parser reads in the same way', async (t) => {
  let simple = 0;
  fc.assert(
    fc.property(texts, (text) => {
      if (isSimple(text)) simple += 1;
    }),
    { numRuns: 4000 },
  );
  t.ok(simple > 500, `${simple} texts are read without the parser`);
});
