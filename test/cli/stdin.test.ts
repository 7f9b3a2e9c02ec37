/** The commands that read a configuration file take `-` for standard input. */
import t from 'tap';
import { explain } from '../../src/cli/explain.js';
import { simulate } from '../../src/cli/simulate.js';
import { test } from '../../src/cli/test.js';

const CONFIG = 'upstreams: { a: { listen: 1, target: "http://a" } }\n';

/** What a command reads and prints. @param text of standard input; undefined for none. */
function io(text?: string) {
  let [stdout, stderr] = ['', ''];
  return {
    env: {},
    stdout: { write: (written: string) => (stdout += written) },
    stderr: { write: (written: string) => (stderr += written) },
    ...(text === undefined ? {} : { stdin: () => Buffer.from(text) }),
    printed: () => ({ stdout, stderr }),
  };
}

const scenario = { upstream: 'a', scenario: 'outage', format: 'text', seed: '1' } as const;
const options = { ...scenario, seconds: '2', rps: '5' };

t.test('explain', async (t) => {
  const output = io(CONFIG);
  t.equal(explain('-', { upstream: 'a' }, output), 0);
  t.match(output.printed().stdout, /^resolve:/);
  const wrong = io('upstreams: 5');
  t.equal(explain('-', { upstream: 'a' }, wrong), 1);
  t.match(wrong.printed().stderr, /^stdin:1:12: error: upstreams/);
});

t.test('simulate', async (t) => {
  const output = io(CONFIG);
  t.equal(await simulate('-', options, output), 0);
  t.match(output.printed().stdout, /^a of stdin, seed 1\n/);
  const other = io(CONFIG);
  t.equal(await simulate('-', { ...options, upstream: 'b' }, other), 1);
  t.match(other.printed().stderr, /Cannot simulate stdin because no upstream is named "b"/);
  const none = io();
  t.equal(await simulate('-', options, none), 1);
  t.match(none.printed().stderr, /^stdin:1:1: error: /);
});

t.test('test', async (t) => {
  const config = `config: |\n  ${CONFIG}`;
  const output = io(`${config}cases: [{ name: works, then: { status: 200 } }]\n`);
  t.equal(await test(['-'], output), 0);
  t.match(output.printed().stdout, /^TAP version 14\n1\.\.1\n# stdin\nok 1 - works/);
  const wrong = io(`${config}cases: [{ name: works, then: { staus: 200 } }]\n`);
  t.equal(await test(['-'], wrong), 1);
  t.match(wrong.printed().stderr, /^stdin:3:/);
});
