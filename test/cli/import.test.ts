/** What `import` prints of good and bad files, and how it exits. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { importForeign, type SystemName } from '../../src/cli/import.js';

const DAPR = `kind: Resiliency
spec:
  policies: { retries: { r: { maxRetries: 3 } } }
  targets: { apps: { shop: { retry: r } } }
`;

/** @param stdin for the file `-`. */
function importFolder(
  t: Test,
  system: SystemName,
  texts: Readonly<Record<string, string>>,
  names: readonly string[] = Object.keys(texts),
  stdin?: string,
) {
  const folder = t.testdir(texts);
  let [stdout, stderr] = ['', ''];
  const paths = names.map((name) => (name === '-' ? name : join(folder, name)));
  const code = importForeign(system, paths, {
    env: {},
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    ...(stdin === undefined ? {} : { stdin: () => Buffer.from(stdin) }),
  });
  const strip = (text: string) => text.replaceAll(`${folder}/`, '');
  return { code, stdout: strip(stdout), stderr: strip(stderr) };
}

t.test('a file is printed with the line of each value', async (t) => {
  const { code, stdout, stderr } = importFolder(t, 'dapr', { 'dapr.yaml': DAPR });
  t.same([code, stderr], [0, '']);
  t.match(stdout, /^# Made from Dapr:/);
  t.match(stdout, /\n {6}maxAttempts: 4 # dapr\.yaml:3 maxRetries: 3\n/);
});

t.test('standard input is a file', async (t) => {
  const { code, stdout } = importFolder(t, 'dapr', {}, ['-'], DAPR);
  t.equal(code, 0);
  t.match(stdout, /maxAttempts: 4 # stdin:3 maxRetries: 3/);
});

t.test('a file that cannot be read is told, and the others are imported', async (t) => {
  const { code, stdout, stderr } = importFolder(
    t,
    'dapr',
    { 'bad.yaml': 'kind: [', 'dapr.yaml': DAPR },
    ['bad.yaml', 'nope.yaml', 'dapr.yaml'],
  );
  t.equal(code, 0);
  t.match(stderr, /^bad\.yaml:1:\d+: error: /m);
  t.match(stderr, /^nope\.yaml:1:1: error: cannot read the file: there is no such file$/m);
  t.match(stdout, /# Not read:\s(?:# )?bad\.yaml:1:/);
  t.match(stdout, /shop:/);
});

t.test('where nothing can be read, nothing is printed', async (t) => {
  for (const [system, text, message] of [
    ['dapr', '', /x\.yaml:1:1: error: cannot import the file because it is empty; Dapr needs/],
    ['dapr', 'kind: Deployment', /because it has `kind: Deployment`; Dapr needs/],
    ['envoy', DAPR, /because it is a file of Dapr \(`breakwater import dapr`\); Envoy needs/],
    [
      'envoy',
      'static_resources: hello',
      /x\.yaml:1:19: error: static_resources: must be a mapping with `listeners` and `clusters`, but is "hello"/,
    ],
    ['envoy', 'static_resources: [1]', /static_resources: must be a mapping .*, but is a list/],
    ['envoy', 'static_resources:', /static_resources: must be a mapping .*, but is nothing/],
    [
      'envoy',
      'static_resources: { listeners: { a: 1 }, clusters: [b, 3] }',
      /\.listeners: must be a list of listeners, but is a mapping\n.*clusters\[0\]: must be a mapping, but is "b"\n.*clusters\[1\]: must be a mapping, but is 3/,
    ],
    ['envoy', 'a: 1\nb: 2', /because it only has a, b; Envoy needs/],
    ['resilience4j', '[1]', /because it has no keys; resilience4j needs/],
    [
      'resilience4j',
      'a: *x',
      /x\.yaml:1:4: error: a: there is no anchor of that name before this alias/,
    ],
  ] as const) {
    const { code, stdout, stderr } = importFolder(t, system, { 'x.yaml': text });
    t.same([code, stdout], [1, ''], text);
    t.match(stderr, message, text);
  }
});
