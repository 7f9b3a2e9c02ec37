/** What `simulate` prints, and what it says of a command line that cannot be simulated. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { simulate, type SimulateOptions } from '../../src/cli/simulate.js';

const CONFIG = `upstreams:
  catalog:
    listen: 8101
    target: http://catalog.internal
    routes:
      - { name: search, match: { path: "/search/*" }, circuitBreaker: { failureThreshold: 3 } }
`;

function write(t: Test, content: string, name = 'f.yaml'): string {
  // It empties the folder that there is.
  if (!existsSync(t.testdirName)) t.testdir();
  const file = join(t.testdirName, name);
  writeFileSync(file, content);
  return file;
}

async function run(file: string, options: Partial<SimulateOptions> = {}) {
  let [stdout, stderr] = ['', ''];
  const code = await simulate(
    file,
    {
      upstream: 'catalog',
      scenario: 'outage',
      seed: '1',
      seconds: '20',
      rps: '20',
      format: 'text',
      ...options,
    },
    {
      env: {},
      stdout: { write: (text: string) => (stdout += text) },
      stderr: { write: (text: string) => (stderr += text) },
    },
  );
  return { code, stdout, stderr };
}

t.test('JSON has the figures of each phase, and nothing else', async (t) => {
  const file = write(t, CONFIG);
  const { code, stdout, stderr } = await run(file, { format: 'json' });
  t.equal(code, 0);
  const report = JSON.parse(stdout);
  t.same(Object.keys(report), ['upstream', 'scenario', 'seed', 'files']);
  t.match(report, { upstream: 'catalog', scenario: 'outage', seed: 1 });
  t.equal(report.files.length, 1);
  t.same(Object.keys(report.files[0]), ['file', 'phases']);
  t.equal(report.files[0].file, file);
  const { phases } = report.files[0];
  t.same(
    phases.map(({ name, fromMs, toMs }: Record<string, unknown>) => [name, fromMs, toMs]),
    [
      ['before', 0, 5000],
      ['outage', 5000, 10_000],
      ['recovery', 10_000, 15_000],
      ['after', 15_000, 20_000],
    ],
  );
  t.same(Object.keys(phases[0]), [
    'name',
    'fromMs',
    'toMs',
    'offered',
    'good',
    'degraded',
    'refused',
    'failed',
    'p50Ms',
    'p99Ms',
    'attemptsPerCall',
    'upstreamCalls',
  ]);
  t.match(phases[0], { degraded: 0, refused: {}, failed: 0, attemptsPerCall: 1 });
  t.ok(phases[1].refused['circuit-open'] > 50);
  t.match(
    stderr,
    /^breakwater: not simulated: DNS: no name is looked up; catalog.internal has 1 address$/m,
  );
});

t.test('text has a column for each phase, a picture, and what is left out', async (t) => {
  const file = write(
    t,
    `${CONFIG}stores: { kind: redis, url: "redis://127.0.0.1:1" }\noverload: {}\n`,
  );
  const { code, stdout, stderr } = await run(file);
  t.equal(code, 0);
  t.equal(stderr, '');
  t.match(stdout, /^catalog of .*f\.yaml, seed 1\noutage, 5 s to 10 s: the upstream is down/);
  t.match(stdout, 'calls: 20 per second for 20 s, at random times\n');
  t.match(stdout, 'upstream: 50 ms per request, 40 requests/s at most, 1 endpoint\n');
  t.match(stdout, /^ +before 0-5 s +outage 5-10 s +recovery 10-15 s +after 15-20 s$/m);
  t.match(stdout, /^ {2}circuit-open +0 +\d+ +\d+ +\d+$/m);
  t.match(stdout, /^offered\/s +[▁▂▃▄▅▆▇█ ]{60} up to \d+/m);
  t.match(stdout, /^circuit +\.{15}[.OhO]{45}$/m);
  t.match(stdout, /^circuit search +\.{15}/m, 'a route with a circuit of its own has a line');
  t.match(stdout, /^ +\|0 s +\|5 s +\|10 s +\|15 s$/m);
  t.match(
    stdout,
    "- stores: nothing is shared with other processes; this process's memory stands in for redis\n",
  );
  t.match(stdout, '- overload: ');
  for (const line of stdout.split('\n').slice(1)) t.ok(line.length <= 130, line);
});

t.test('text tells what policies in shadow would have refused', async (t) => {
  const shadow = '    circuitBreaker: { mode: shadow }\n    target';
  const { stdout } = await run(write(t, CONFIG.replace('    target', shadow)));
  t.match(stdout, /^in shadow +0 +\d+ +\d+ +\d+$/m);
  t.match(stdout, /^in shadow.*\n {2}circuit-open +0 +\d\d/m);
  const { stdout: enforced } = await run(write(t, CONFIG));
  t.notMatch(enforced, 'in shadow');
});

t.test('a call that two policies in shadow would have refused is one call', async (t) => {
  const shadow = `    circuitBreaker: { mode: shadow }
    rateLimit: { mode: shadow, rate: 1/h }
    target`;
  const { stdout } = await run(write(t, CONFIG.replace('    target', shadow)));
  const counts = (row: string) =>
    new RegExp(`^ *${row} +(.*)$`, 'm').exec(stdout)![1]!.trim().split(/\s+/).map(Number);
  const [, duringOutage] = counts('offered');
  t.equal(counts('rate-limited')[1], duringOutage);
  t.ok(counts('circuit-open')[1]! > 0);
  t.equal(counts('in shadow')[1], duringOutage);
});

t.test('two files stand side by side', async (t) => {
  const file = write(t, CONFIG);
  const against = write(
    t,
    CONFIG.replace('    target', '    circuitBreaker: off\n    target'),
    'g.yaml',
  );
  const { code, stdout } = await run(file, { against });
  t.equal(code, 0);
  t.match(stdout, `outage, 5 s to 10 s`);
  const [heading] = /^outage, .*$/m.exec(stdout.slice(stdout.indexOf('\n\n')))!;
  t.ok(heading.indexOf(file) < heading.indexOf(against), heading);
  const { stdout: json } = await run(file, { against, format: 'json' });
  const [ours, theirs] = JSON.parse(json).files;
  t.same([ours.file, theirs.file], [file, against]);
  t.equal(ours.phases[1].offered, theirs.phases[1].offered, 'the same callers');
  t.ok(ours.phases[1].upstreamCalls < theirs.phases[1].upstreamCalls);
});

t.test('says what cannot be simulated, and ends with 1', async (t) => {
  const file = write(t, CONFIG);
  const cases: [Partial<SimulateOptions>, RegExp][] = [
    [{ upstream: 'catalogue' }, /because no upstream is named "catalogue"; did you mean "?catalog/],
    [{ rps: '0' }, /because --rps is "0"; it must be a number above 0, at most 100000/],
    [{ rps: '' }, /because --rps is ""/],
    [{ seconds: '-1' }, /because --seconds is "-1"; it must be a number above 0, at most 86400/],
    [{ seed: '1.5' }, /because --seed is "1.5"; it must be a whole number from 0 to 4294967295/],
    [{ latency: '50' }, /because --latency is "50"; it must be a duration above 0, such as 50ms/],
    [{ capacity: 'x' }, /because --capacity is "x"/],
    [{ against: `${file}.no` }, /there is no such file/],
    [
      {
        scenario: 'half-a-fleet',
        against: write(t, CONFIG.replace('catalog:', 'other:'), 'o.yaml'),
      },
      /o\.yaml because no upstream/,
    ],
    [{ requests: file, rps: '5' }, /--rps and --requests are both given/],
  ];
  for (const [options, expected] of cases) {
    const { code, stdout, stderr } = await run(file, options);
    t.same([code, stdout], [1, ''], JSON.stringify(options));
    t.match(stderr, expected);
  }
  const bad = await run(write(t, 'upstreams: {}\n', 'bad.yaml'));
  t.equal(bad.code, 1);
  t.match(bad.stderr, /bad\.yaml:1:\d+: error/);
  t.notMatch(bad.stderr, 'breakwater: error');
});

const line = (ms: number, overrides: Readonly<Record<string, unknown>> = {}) =>
  JSON.stringify({
    level: 'info',
    time: new Date(Date.parse('2026-11-28T10:00:00Z') + ms).toISOString(),
    upstream: 'catalog',
    route: '',
    method: 'GET',
    path: ms % 2 === 0 ? '/search/x' : '/',
    status: 200,
    outcomes: ['success'],
    upstreamMs: 20,
    durationMs: 21,
    msg: 'exchange',
    ...overrides,
  });

const replay = { rps: undefined, seconds: undefined } as const;

t.test('replays an access log, whose requests keep their times', async (t) => {
  const file = write(t, CONFIG);
  const lines = Array.from({ length: 400 }, (_, i) => line(i * 101));
  const requests = write(t, `${lines.join('\n')}\nnot ours\n`, 'access.log');
  const text = await run(file, { ...replay, requests, scenario: 'steady' });
  t.equal(text.code, 0);
  t.match(
    text.stdout,
    /^calls: 400 requests of .*access\.log, 40\.3 s from 2026-11-28T09:59:59\.979Z on$/m,
  );
  t.match(text.stdout, 'upstream: 20 ms per request, 50 requests/s at most, 1 endpoint\n');
  t.match(
    text.stderr,
    /^breakwater: warning: 1 line of .*access\.log is no access log of Breakwater: line 401 \(no JSON\)$/m,
  );
  const { stdout } = await run(file, { ...replay, requests, scenario: 'steady', format: 'json' });
  t.match(JSON.parse(stdout).files[0].phases, [{ offered: 400, good: 400, p50Ms: 20, p99Ms: 20 }]);
  const part = await run(file, { ...replay, seconds: '10', requests, format: 'json' });
  const { phases } = JSON.parse(part.stdout).files[0];
  t.equal(phases[3].toMs, 10_000);
  t.equal(
    phases.reduce((sum: number, { offered }: { offered: number }) => sum + offered, 0),
    100,
  );
});

t.test('says why there is nothing to replay', async (t) => {
  const file = write(t, CONFIG);
  const cases: [string, RegExp][] = [
    ['', /because it has no request of upstream catalog; it is empty/],
    [
      line(0, { upstream: 'other' }),
      /no request of upstream catalog; it has requests of other \(1\)/,
    ],
    [
      'x\ny\nz\nz\n',
      /4 lines of .* are no access log of Breakwater: line 1 \(no JSON\), line 2 \(no JSON\), line 3 \(no JSON\), \.\.\.$/m,
    ],
  ];
  for (const [content, expected] of cases) {
    const requests = write(t, content, 'access.log');
    const { code, stderr } = await run(file, { ...replay, requests });
    t.equal(code, 1);
    t.match(stderr, expected);
  }
  const missing = await run(file, { ...replay, requests: `${file}.no` });
  t.match(missing.stderr, /Cannot replay .*\.no because there is no such file/);
  const folder = await run(file, { ...replay, requests: t.testdirName });
  t.match(folder.stderr, /because it is not a file/);
});
