/** What `test` prints, and how it exits. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { parse } from 'yaml';
import { test as run } from '../../src/cli/test.js';

async function runTexts(t: Test, texts: Readonly<Record<string, string>>) {
  const folder = t.testdir(texts);
  let [stdout, stderr] = ['', ''];
  const files = Object.keys(texts).map((name) => join(folder, name));
  const code = await run(files, {
    env: {},
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
  });
  const strip = (text: string) => text.replaceAll(`${folder}/`, '');
  return { code, stdout: strip(stdout), stderr: strip(stderr) };
}

const CONFIG = 'config: |\n  upstreams: { a: { listen: 1, target: "http://a", retry: off } }\n';

t.test('cases that hold are one line each, over all files', async (t) => {
  const found = await runTexts(t, {
    'one.yaml': `${CONFIG}cases:
  - { name: "all is well #1", then: { status: 200 } }
  - { name: 'a \\ b', then: { status: 200 } }
`,
    'two.yaml': `${CONFIG}cases: [{ name: more, then: { attempts: 1 } }]\n`,
  });
  t.strictSame(found, {
    code: 0,
    stdout: `TAP version 14
1..3
# one.yaml
ok 1 - all is well \\#1
ok 2 - a \\\\ b
# two.yaml
ok 3 - more
`,
    stderr: '',
  });
});

t.test(
  'a case that does not hold says what was expected, what came, and what happened',
  async (t) => {
    const { code, stdout, stderr } = await runTexts(t, {
      'one.yaml': `${CONFIG}cases:
  - name: fails
    given: [{ status: 500 }]
    then: { status: 200, headers: { x: "1" }, within: 1s }
`,
    });
    t.equal(code, 1);
    t.equal(stderr, '');
    const [, block] = /^not ok 1 - fails\n {2}---\n([\s\S]*?) {2}\.\.\.\n$/m.exec(stdout)!;
    t.strictSame(parse(block!), {
      message: 'status: 500 instead of 200; headers.x: none instead of 1',
      at: 'one.yaml:6:11',
      expected: { status: 200, 'headers.x': '1' },
      actual: { status: 500, 'headers.x': 'none' },
      course: '0ms request 1: GET /\n0ms a: failure\n0ms response 1: 500\n',
    });
  },
);

t.test('a case that cannot be played fails, and the others are played', async (t) => {
  const { code, stdout, stderr } = await runTexts(t, {
    'one.yaml': `${CONFIG}cases:
  - { name: bad, upstream: x, then: { status: 200 } }
  - { name: good, then: { status: 200 } }
`,
    'two.yaml': 'cases: 5\n',
  });
  t.equal(code, 1);
  t.match(stdout, /^1\.\.3$/m);
  t.match(stdout, /^not ok 1 - bad$/m);
  t.match(stdout, /^ok 2 - good$/m);
  t.match(stdout, /^not ok 3 - .*two\.yaml$/m);
  t.match(stderr, /^one\.yaml:4:28: error: cases\[0\]\.upstream: no upstream is named "x"/m);
  t.match(stderr, /^two\.yaml:1:8: error: cases: must be/m);
});

t.test('a file that is not there fails', async (t) => {
  let stdout = '';
  const output = {
    env: {},
    stdout: { write: (text: string) => (stdout += text) },
    stderr: { write() {} },
  };
  t.equal(await run([join(t.testdir(), 'nope.yaml')], output), 1);
  t.match(stdout, /not ok 1 - .*nope\.yaml\n[\s\S]*there is no such file/);
});

t.test('numbers in names and long courses stay readable', async (t) => {
  const when = Array.from({ length: 30 }, (_, i) => `{ at: ${i}s }`).join(', ');
  const text = `${CONFIG}cases: [{ name: "1", when: [${when}], then: { status: 201 } }]\n`;
  const folder = t.testdir();
  writeFileSync(join(folder, 'a.yaml'), text);
  const { stdout } = await runTexts(t, { 'a.yaml': text });
  t.match(stdout, /request 30: status: 200 instead of 201/);
  t.match(stdout, /\n {4}50 more\n/);
});
