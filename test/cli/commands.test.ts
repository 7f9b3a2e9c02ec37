/** What `check`, `explain` and `schema` print, and how they exit. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { check } from '../../src/cli/check.js';
import { explain } from '../../src/cli/explain.js';
import { schema } from '../../src/cli/schema.js';
import { node, pathOf } from '../support/program.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));

const run = (args: string[], env: Record<string, string> = {}) =>
  promisify(execFile)(...node(pathOf('main.js'), ...args), {
    cwd: root,
    env: { ...process.env, ...env },
  });

/** Runs a command with its output caught. */
function capture(command: (output: Parameters<typeof schema>[0]) => number) {
  let [stdout, stderr] = ['', ''];
  const code = command({
    env: {},
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
  });
  return { code, stdout, stderr };
}

const text = { strict: false, format: 'text', allowUnset: false } as const;

interface Folder {
  testdir(): string;
}

function write(t: Folder, content: string): string {
  const file = join(t.testdir(), 'f.yaml');
  writeFileSync(file, content);
  return file;
}

const withoutOrigins = (printed: string) => printed.replaceAll(/ # .*/g, '');

const layered = `defaults:
  timeout: { connect: 1s }
profiles:
  llm:
    timeout: { attempt: 60s }
upstreams:
  catalog:
    listen: 8101
    target: http://a
    profile: llm
    bulkhead: { maxConcurrent: 7 }
    deadline: { header: "123" }
    retry: off
    routes:
      - name: search
        match: { methods: [GET], path: "/search/*" }
        bulkhead: { maxConcurrent: 3 }
        retry: { statuses: [503] }
`;

void t.test('checks a good file', (t) => {
  const file = write(t, 'upstreams: { a: { listen: 1, target: "http://a", circuitBreaker: off } }');
  t.strictSame(
    capture((output) => check([file], text, output)),
    { code: 0, stdout: `${file}: OK, 1 upstream\n`, stderr: '' },
  );
  t.strictSame(
    capture((output) => check([file], { ...text, format: 'json' }, output)),
    { code: 0, stdout: '[]\n', stderr: '' },
  );
  t.end();
});

void t.test('checks a bad file', (t) => {
  const file = write(t, 'upstreams: { a: { listen: 1 }, b: 5 }');
  const inText = capture((output) => check([file], text, output));
  t.equal(inText.code, 1);
  t.equal(inText.stdout, '');
  t.match(inText.stderr.split('\n'), [
    `${file}:1:14: error: upstreams.a: the key \`target\` is missing`,
    `${file}:1:35: error: upstreams.b: must be a mapping, but is 5`,
    '',
  ]);
  const inJson = capture((output) => check([file], { ...text, format: 'json' }, output));
  t.equal(inJson.code, 1);
  t.equal(inJson.stderr, '');
  const list = JSON.parse(inJson.stdout) as object[];
  t.strictSame(list[1], {
    file,
    line: 1,
    column: 35,
    level: 'error',
    rule: 'wrong-value',
    path: 'upstreams.b',
    message: 'must be a mapping, but is 5',
  });
  t.end();
});

/** Those in examples/tests are for `test`. */
const isConfig = (name: string) => name.endsWith('.yaml') && !name.includes('tests');

void t.test('finds nothing wrong with the files of config/, not even warnings', (t) => {
  const folder = join(root, 'config');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  for (const name of files.filter(isConfig)) {
    const strict = { strict: true, format: 'json', allowUnset: false } as const;
    const { code, stdout } = capture((output) => check([join(folder, name)], strict, output));
    const diagnostics = JSON.parse(stdout) as { level: string }[];
    // An info is no fault.
    const faults = diagnostics.filter(({ level }) => level !== 'info');
    t.strictSame([code, faults], [0, []], name);
  }
  t.end();
});

void t.test('explains where each value is from', (t) => {
  const file = write(t, layered);
  const { code, stdout } = capture((output) => explain(file, { upstream: 'catalog' }, output));
  t.equal(code, 0);
  const lines = stdout.split('\n');
  t.ok(lines.includes(`  connect: 1s # defaults ${file}:2`));
  t.ok(lines.includes(`  attempt: 60s # profile llm ${file}:5`));
  t.ok(lines.includes(`  maxConcurrent: 7 # ${file}:11`));
  t.ok(lines.includes('  maxQueue: 50 # default'));
  t.ok(lines.includes('  maxAge: 5m # default'));
  t.ok(lines.includes('  slowCall: off # default'));
  t.ok(lines.includes('  failureStatuses: [500, 502, 503, 504] # default'));
  t.ok(lines.includes(`retry: off # ${file}:13`));
  t.ok(lines.includes(`  header: "123" # ${file}:12`));
  for (const line of lines.slice(0, -1)) t.match(line, /^ *[A-Za-z]+:($| \S.* # (default|\S))/);
  t.end();
});

void t.test(
  'explains a duration of several parts as it is written, and what on stands for',
  (t) => {
    const file = write(
      t,
      'upstreams: { a: { listen: 1, target: "http://a", timeout: { total: 1m30s, idle: on }, idempotency: on } }',
    );
    const { stdout } = capture((output) => explain(file, { upstream: 'a' }, output));
    t.match(stdout, /^ {2}total: 1m30s # \S+:1$/m);
    t.match(stdout, /^ {2}idle: 30s # default$/m);
    t.match(stdout, /^idempotency:\n {2}header: Idempotency-Key # default$/m);
    t.end();
  },
);

void t.test('explains a request by the route that matches it', (t) => {
  const file = write(t, layered);
  const lines = (request: string) =>
    capture((output) => explain(file, { upstream: 'catalog', request }, output)).stdout.split('\n');
  const search = lines('GET /a/../search/x?y');
  t.equal(search[0], '# route search');
  t.ok(search.includes(`  maxConcurrent: 3 # ${file}:17`));
  t.ok(search.includes(`  statuses: [503] # ${file}:18`));
  t.ok(search.includes('  maxAttempts: 3 # default'));
  const other = lines('POST /search/x');
  t.equal(other[0], '# no route matches');
  t.ok(other.includes(`  maxConcurrent: 7 # ${file}:11`));
  t.end();
});

/** What `explain` tells of one request to an upstream with these keys, without the heading. */
function tell(t: Folder, request: string, keys = 'preserveHost: false'): string[] {
  const file = write(t, `upstreams:\n  a: { listen: 1, target: "http://a", ${keys} }\n`);
  const { stdout } = capture((output) => explain(file, { upstream: 'a', request }, output));
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('# '))
    .slice(1);
}

void t.test('explains what a hash goes by for a request, and how its upstream is reached', (t) => {
  const balance = (keys: string) =>
    tell(t, 'GET /a?b=1', `balance: { ${keys} }`).filter((line) => line.includes('balance'));
  t.strictSame(balance('strategy: hash, key: { header: X-User-Id }'), [
    '# balance: hash of the header X-User-Id; least-request for a request without it',
  ]);
  t.strictSame(balance('strategy: hash, key: { cookie: sid }'), [
    '# balance: hash of the cookie sid; least-request for a request without it',
  ]);
  t.strictSame(balance('strategy: hash, key: path'), ['# balance: hash of the path /a']);
  t.strictSame(balance('strategy: random'), []);
  const file = write(t, layered);
  const options = { upstream: 'catalog', request: 'GET /search/x' };
  const { stdout } = capture((output) => explain(file, options, output));
  t.ok(stdout.includes('balance:\n  strategy: least-request # default\n'));
  t.end();
});

void t.test('explains when a request is retried', (t) => {
  const all = 'unsent, reset, timeout, or 408, 429, 500, 502, 503 or 504';
  const retry = (request: string, keys?: string) => tell(t, request, keys)[0];
  t.equal(retry('GET /x'), `# retry: GET is retried after all causes: ${all}`);
  t.equal(
    retry('POST /x'),
    `# retry: POST is retried only if it was unsent; with Idempotency-Key after all causes: ${all}`,
  );
  t.match(retry('POST /x', 'retry: { methods: [POST], statuses: [503] }'), /after all .* or 503$/);
  t.match(retry('GET /x', 'retry: { statuses: [] }'), /all causes: unsent, reset or timeout$/);
  t.equal(retry('GET /x', 'retry: off'), '# retry: never, because retry is off');
  t.match(retry('GET /x', 'retry: { maxAttempts: 1 }'), /never, because retry\.maxAttempts is 1$/);
  t.end();
});

void t.test('explains how long a request may take', (t) => {
  const time = (keys?: string) => tell(t, 'GET /x', keys)[1];
  t.equal(
    time(),
    '# worst case: 30.3s (3 attempts x 10s + 300ms back-off), or longer if a Retry-After asks for it; timeout.total is 35s',
  );
  t.equal(
    time('timeout: { total: 12s }'),
    '# worst case: 12s (timeout.total cuts 3 attempts x 10s + 300ms back-off = 30.3s short)',
  );
  t.equal(time('retry: off'), '# worst case: 10s (1 attempt x 10s); timeout.total is 35s');
  t.match(
    time('timeout: { total: off }, retry: off'),
    /10s \(1 attempt x 10s\); timeout\.total is off$/,
  );
  t.match(
    time('timeout: { attempt: off }'),
    /worst case: 35s \(timeout\.total; an attempt has no limit/,
  );
  t.match(
    time('timeout: { attempt: off, adaptive: {} }'),
    /35s .*no limit of its own until timeout\.adaptive has learned one\)/,
  );
  t.match(
    time('timeout: { adaptive: { max: 11s } }'),
    /worst case: 33\.3s \(3 attempts x 11s \+ 300ms back-off\)/,
  );
  t.match(
    time('timeout: { adaptive: { max: 9s } }'),
    /worst case: 30\.3s \(3 attempts x 10s/,
    'before anything is learned attempt holds',
  );
  t.match(
    time('timeout: { attempt: 6s, attemptGrowth: 50% }'),
    /worst case: 27\.3s \(3 attempts of 6s to 12s \+ 300ms back-off\)/,
  );
  t.match(
    time('timeout: { attemptGrowth: 50% }, retry: off'),
    /worst case: 10s \(1 attempt x 10s\)/,
  );
  t.match(time('timeout: off'), /worst case: no limit, because/);
  const delays = (backoff: string) =>
    /\+ (\S+) back-off/.exec(time(`retry: { maxAttempts: 4, backoff: { ${backoff} } }`)!)?.[1];
  t.equal(delays('jitter: none'), '700ms', '100 + 200 + 400');
  t.equal(delays('jitter: half'), '1.05s', 'half as long again');
  t.equal(delays('maxDelay: 150ms'), '400ms', '100 + 150 + 150');
  t.equal(delays('strategy: linear'), '600ms', '100 + 200 + 300');
  t.equal(delays('strategy: constant'), '300ms', '3 x 100');
  t.equal(delays('strategy: decorrelated'), '3.2s', '300 + 900 + 2000');
  t.end();
});

void t.test('explains what load a request may become', (t) => {
  const load = (keys?: string) => tell(t, 'GET /x', keys)[2];
  t.equal(load(), '# load: at most 3 attempts per call; in an outage x1.2 + 3/s, by retry.budget');
  t.match(load('retry: { budget: { ratio: 7%, minPerSecond: 0.5 } }'), /x1\.07 \+ 0\.5\/s/);
  t.match(load('retry: { maxAttempts: 2, budget: { ratio: 300% } }'), /x2 \+ 3\/s/);
  t.match(
    load('retry: { budget: off }'),
    /3 attempts per call, and x3 for as long .*budget is off$/,
  );
  t.equal(load('retry: off'), '# load: at most 1 attempt per call');
  t.end();
});

void t.test('explains a request with the policies of its route', (t) => {
  const file = write(t, layered);
  const { stdout } = capture((output) =>
    explain(file, { upstream: 'catalog', request: 'GET /search/x' }, output),
  );
  t.match(
    stdout,
    /^# route search\n# retry: GET is retried .* or 503\n# worst case: 35s .*\n# load: /,
  );
  t.end();
});

const explained = (file: string) =>
  capture((output) => explain(file, { upstream: 'catalog', request: 'GET /search/x' }, output))
    .stdout;

void t.test('explains what it prints when that is checked again', (t) => {
  const first = explained(write(t, layered));
  const again = `upstreams:\n  catalog:\n    listen: 1\n    target: http://a\n${first.replaceAll(/^/gm, '    ')}`;
  const file = write(t, again.replace('# route search', '').trimEnd());
  t.equal(
    withoutOrigins(explained(file)).split('\n').slice(1).join(),
    withoutOrigins(first).split('\n').slice(1).join(),
  );
  t.end();
});

void t.test('says what it cannot explain', (t) => {
  const file = write(t, layered);
  t.strictSame(
    capture((output) => explain(file, { upstream: 'catalgo' }, output)),
    {
      code: 1,
      stdout: '',
      stderr:
        'breakwater: error: no upstream is named "catalgo"; did you mean "catalog"? defined are catalog\n',
    },
  );
  t.strictSame(
    capture((output) => explain(file, { upstream: 'catalog', request: 'GET' }, output)),
    {
      code: 1,
      stdout: '',
      stderr: 'breakwater: error: cannot read the request "GET"; write it as "GET /path"\n',
    },
  );
  t.match(
    capture((output) => explain(`${file}.no`, { upstream: 'catalog' }, output)),
    { code: 1, stdout: '', stderr: /there is no such file/ },
  );
  t.end();
});

void t.test('prints the schema that config/schema.json holds', (t) => {
  const { code, stdout } = capture(schema);
  t.equal(code, 0);
  t.equal(
    stdout,
    readFileSync(join(root, 'config/schema.json'), 'utf8'),
    'npm run schema writes it',
  );
  t.end();
});

void t.test('exits as the command does, with its default file', async (t) => {
  const file = write(t, 'upstreams: {}');
  t.match(await run(['check']), { stdout: /^config\/breakwater\.yaml: OK, 2 upstreams/ });
  await t.rejects(run(['check'], { BREAKWATER_CONFIG: file }), { code: 1 });
  await t.rejects(run(['run', '--config', file]), { code: 78, stderr: /must name at least one/ });
  await t.rejects(run(['chek']), { code: 1, stderr: /Did you mean check/ });
});
