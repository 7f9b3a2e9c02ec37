/** Mistakes in files with policy tests: each with its place. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readTests } from '../../src/policy-tests/read-file.js';
import { errorsIn } from './support.js';

const CONFIG = 'config: |\n  upstreams: { a: { listen: 1, target: "http://a" } }\n';

t.test('all mistakes against the schema are told at once', async (t) => {
  t.same(
    errorsIn(`confg: x
cases:
  - name: a
    given: [{ status: 99, delay: 5 }]
    when: [{ path: x, metod: GET }]
    then: { stats: 200 }
  - then: {}
  - { name: c, then: [{ circuit: ajar }] }
`),
    [
      '1:1 confg: is an unknown key; did you mean "config"? allowed are config and cases',
      '4:23 cases[0].given[0].status: must be a whole number from 200 to 599, but is 99',
      '4:34 cases[0].given[0].delay: must be a duration such as 250ms, 1.5s, 2m or 1h, but is 5; did you mean "5s" or "5ms"?',
      '5:20 cases[0].when[0].path: must be a path such as /items?page=2, but is "x"',
      '5:23 cases[0].when[0].metod: is an unknown key; did you mean "method"? allowed are at, method, path, headers and body',
      '6:13 cases[0].then.stats: is an unknown key; did you mean "status"? allowed are status, reason, attempts, within, headers, body, upstreamCalls and circuit',
      '7:5 cases[1]: the key `name` is missing: What the case shows, as a sentence',
      '7:11 cases[1].then: must name at least one, but is empty',
      '8:34 cases[2].then[0].circuit: must be closed, open or half-open, but is "ajar"',
    ],
  );
});

t.test(
  'a case with a mistake leaves the others alone, but those with the same anchor',
  async (t) => {
    const { cases, diagnostics } = readTests(
      'tests.yaml',
      `${CONFIG}cases:
  - { name: a, then: { status: 200 } }
  - { name: b, given: &wrong [{ stats: 500 }], then: { status: 200 } }
  - { given: *wrong, then: { status: 200 } }
  - 5
  - { name: c, when: [{ method: G T }], then: { status: 200 } }
  - { name: d, then: { status: 200 } }
`,
      {},
    );
    t.match(cases, [
      { name: 'a', upstream: 'a' },
      { name: 'b', problems: [{ line: 5, path: 'cases[1].given[0].stats' }] },
      { name: 'cases[2]', problems: [{ line: 5, path: 'cases[2].given[0].stats' }, { line: 6 }] },
      { name: 'cases[3]', problems: [{ line: 7, message: /must be a mapping/ }] },
      { name: 'c', problems: [{ message: 'must be an HTTP method, such as GET, but is "G T"' }] },
      { name: 'd', upstream: 'a' },
    ]);
    t.equal(diagnostics.length, 4, 'the mistake in the anchor is told once');
  },
);

t.test('mistakes that the schema does not see', async (t) => {
  t.same(
    errorsIn(`${CONFIG}cases:
  - { name: a, upstream: b, then: { status: 200 } }
  - { name: b, given: [{ reset: true, hang: true }], then: { status: 200 } }
  - { name: c, given: [{ hang: true, status: 503 }], then: { status: 200 } }
  - { name: d, others: { x: [{}] }, then: { status: 200 } }
  - { name: e, when: [{ at: 2s }, { at: 1s }], then: { status: 200 } }
  - { name: f, when: [{}, {}], then: [{ status: 200 }] }
`),
    [
      '4:26 cases[0].upstream: no upstream is named "b"; did you mean "a"? defined are a',
      '5:39 cases[1].given[0].hang: stands beside reset; an attempt has one end',
      '6:38 cases[2].given[0].status: stands beside hang; an attempt has one end',
      '7:26 cases[3].others.x: no upstream is named "x"; did you mean "a"? defined are a',
      '8:35 cases[4].when[1]: comes before the request above it; write the requests in the order of their times',
      '9:38 cases[5].then: has 1 entry for 2 requests; write one for each, or a single mapping for the last one',
    ],
  );
});

t.test('the upstream may be left out if there is one', async (t) => {
  const two = CONFIG.replace('} }', '}, b: { listen: 2, target: "http://b" } }');
  t.same(errorsIn(`${CONFIG}cases: [{ name: a, then: { status: 200 } }]\n`), []);
  t.same(errorsIn(`${two}cases: [{ name: a, then: { status: 200 } }]\n`), [
    '3:9 cases[0]: the key `upstream` is missing: the configuration has a, b',
  ]);
});

t.test('errors of a configuration within the file are where they are written', async (t) => {
  t.same(
    errorsIn(`cases:
  - name: a
    config: |
      upstreams:
        a: { listen: 1, target: "http://a", retry: { maxAttempts: 0 } }
    then: { status: 200 }
  - { name: b, then: { status: 200 } }
`),
    [
      '5:67 upstreams.a.retry.maxAttempts: must be a whole number of at least 1, but is 0',
      '7:5 cases[1]: the key `config` is missing, here or above `cases`: a file, or its text after `|`',
    ],
  );
});

const upstream = (name: string) => `upstreams: { ${name}: { listen: 1, target: "http://a" } }\n`;

t.test("a case's own configuration wins, and files are relative to the test file", async (t) => {
  const folder = t.testdir();
  mkdirSync(join(folder, 'tests'));
  writeFileSync(join(folder, 'one.yaml'), upstream('one'));
  writeFileSync(join(folder, 'two.yaml'), upstream('two'));
  const text = `config: ../one.yaml
cases:
  - { name: a, then: { status: 200 } }
  - { name: b, config: ../two.yaml, then: { status: 200 } }
  - { name: c, config: ../three.yaml, then: { status: 200 } }
`;
  const { cases, diagnostics } = readTests(join(folder, 'tests', 'all.yaml'), text, {});
  t.match(cases, [
    { upstream: 'one' },
    { upstream: 'two' },
    { name: 'c', problems: [{ line: 5 }] },
  ]);
  t.match(diagnostics, [{ line: 5, column: 24, message: /three.yaml: .*there is no such file/ }]);
});

t.test('what is no test file at all', async (t) => {
  for (const [text, message] of [
    ['', /the file is empty; it needs at least `cases`/],
    ['cases: [', /must be sufficiently indented|Flow sequence/],
    [`${CONFIG}cases: []\n`, /must be a list that is not empty/],
    [`${CONFIG}cases: [{ name: a, then: { status: 200 } }]\n---\na: 1\n`, /a second document/],
    ['[1, 2]', /must be/],
  ] as const) {
    const { cases, diagnostics } = readTests('tests.yaml', text, {});
    t.same(cases, []);
    t.match(diagnostics[0]?.message, message, text);
  }
});

t.test('variables of the environment are those of the configuration', async (t) => {
  const text = `config: |
  upstreams: { a: { listen: 1, target: "\${TARGET}" } }
cases: [{ name: a, then: { status: 200 } }]
`;
  t.match(readTests('t.yaml', text, { TARGET: 'http://x' }).cases, [{ upstream: 'a' }]);
  t.match(readTests('t.yaml', text, {}).diagnostics, [{ line: 2, message: /TARGET/ }]);
});

t.test('a reason that no response has is told, with the nearest one', async (t) => {
  const then = (reason: string) => `${CONFIG}cases: [{ name: a, then: { reason: ${reason} } }]\n`;
  t.match(errorsIn(then('circuit-opn')), [
    /^3:36 cases\[0\]\.then\.reason: no response has the reason "circuit-opn"; did you mean "circuit-open"\? there are bulkhead-full/,
  ]);
  t.same(errorsIn(then('circuit-open')), []);
  t.same(errorsIn(then('none')), []);
  const list = `${CONFIG}cases: [{ name: a, when: [{}, {}], then: [{ status: 200 }, { reason: x }] }]\n`;
  t.match(errorsIn(list), [/^3:70 cases\[0\]\.then\[1\]\.reason: no response has the reason "x"/]);
});
