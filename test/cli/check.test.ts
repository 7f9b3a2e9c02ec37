/** What `check` looks at, and the notations in which it tells what it found. */
import { execFile, spawn } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { check, type CheckOptions } from '../../src/cli/check.js';
import { version } from '../../src/version.js';
import { node, pathOf } from '../support/program.js';

interface Options extends Partial<CheckOptions> {
  readonly stdin?: string | Uint8Array;
  readonly env?: Record<string, string>;
}

function run(inputs: readonly string[], { stdin, env = {}, ...options }: Options = {}) {
  let [stdout, stderr] = ['', ''];
  const code = check(
    inputs,
    { strict: false, format: 'text', allowUnset: false, ...options },
    {
      env,
      ...(stdin === undefined ? {} : { stdin: () => Buffer.from(stdin) }),
      stdout: { write: (text) => (stdout += text) },
      stderr: { write: (text) => (stderr += text) },
    },
  );
  return { code, stdout, stderr };
}

const quiet = 'circuitBreaker: off, retry: off';
const good = `upstreams: { a: { listen: 1, target: "http://a", ${quiet} } }\n`;
const warned = `upstreams:\n  a: { listen: 1, target: "http://a", ${quiet}, bulkhead: { maxConcurrent: 1 } }\n`;
const bad = 'upstreams:\n  a: { listen: 1, target: "http://a", retry: { maxAttempts: 0 } }\n';

/** Files by their names, within a new folder. */
function files(t: { testdir(): string }, contents: Record<string, string>): string {
  const folder = t.testdir();
  for (const [name, content] of Object.entries(contents))
    writeFileSync(join(folder, name), content);
  return folder;
}

const indent = (text: string, by: string) => text.trimEnd().replaceAll(/^/gm, by);

const configMap = (text: string, key = 'breakwater.yaml') =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  ${key}: |\n${indent(text, '    ')}\n`;

t.test('checks several files, each by itself', async (t) => {
  const folder = files(t, { 'a.yaml': good, 'b.yaml': bad, 'c.yaml': warned });
  const [a, b, c] = ['a', 'b', 'c'].map((name) => join(folder, `${name}.yaml`)) as [
    string,
    string,
    string,
  ];
  const { code, stdout, stderr } = run([a, b, c, a]);
  t.equal(code, 1);
  t.equal(stdout, `${a}: OK, 1 upstream\n${c}: OK, 1 upstream, 1 warning\n`);
  t.match(stderr, new RegExp(`^${b}:2:61: error: .*\n${c}:2:99: warning: .*\n$`));
  t.equal(run([a, c]).code, 0);
  t.equal(run([a, c], { strict: true }).code, 1);
  t.equal(run([a, join(folder, 'none.yaml')]).code, 1);
});

t.test('checks the files of a folder, but not those of its subfolders', async (t) => {
  const folder = files(t, {
    'b.yml': warned,
    'a.yaml': good,
    'notes.txt': 'no',
    'x.yaml.bak': bad,
  });
  mkdirSync(join(folder, 'below.yaml'));
  writeFileSync(join(folder, 'below.yaml', 'c.yaml'), bad);
  const { code, stdout } = run([folder]);
  t.equal(code, 0);
  t.equal(
    stdout,
    `${join(folder, 'a.yaml')}: OK, 1 upstream\n${join(folder, 'b.yml')}: OK, 1 upstream, 1 warning\n`,
  );
  const empty = run([join(folder, 'below.yaml', '..', 'below.yaml', '.'), t.testdir()]);
  t.equal(empty.code, 1);
  t.match(empty.stderr, /error: this folder has no file whose name ends in \.yaml or \.yml/);
});

t.test('checks a file once, however often and by whatever name it is given', async (t) => {
  const folder = files(t, { 'a.yaml': good });
  const a = join(folder, 'a.yaml');
  const { stdout } = run([folder, a, `${folder}/./a.yaml`, '-', '-'], { stdin: good });
  t.equal(stdout, `${a}: OK, 1 upstream\nstdin: OK, 1 upstream\n`);
});

t.test('says why something cannot be read, and checks the rest', async (t) => {
  const folder = files(t, { 'a.yaml': good, 'b.yaml': good });
  const [a, b] = [join(folder, 'a.yaml'), join(folder, 'b.yaml')];
  symlinkSync('loop', join(folder, 'loop'));
  const { code, stdout, stderr } = run([`${a}/x`, join(folder, 'loop'), b]);
  t.strictSame([code, stdout], [1, `${b}: OK, 1 upstream\n`]);
  t.match(stderr, /a\.yaml\/x:1:1: error: cannot read the file: there is no such file\n/);
  t.match(stderr, /loop:1:1: error: cannot read the file: its symbolic links go round in a circle/);
});

t.test('says that a folder cannot be read', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'breakwater-'));
  const isRoot = process.geteuid?.() === 0;
  chmodSync(folder, isRoot ? 0o700 : 0o000);
  // Root may read everything.
  if (isRoot) process.seteuid?.(65534);
  const told = run([folder]);
  if (isRoot) process.seteuid?.(0);
  rmdirSync(folder);
  const message = `${folder}:1:1: error: cannot read the folder: this user may not read it\n`;
  t.strictSame(told, { code: 1, stdout: '', stderr: message });
});

t.test('checks standard input', async (t) => {
  t.strictSame(run(['-'], { stdin: good }), {
    code: 0,
    stdout: 'stdin: OK, 1 upstream\n',
    stderr: '',
  });
  t.match(run(['-'], { stdin: bad }), {
    code: 1,
    stderr: /^stdin:2:61: error: upstreams\.a\.retry/,
  });
  t.match(run(['-'], { stdin: Buffer.from([0xff]) }), { code: 1, stderr: /it is not UTF-8 text/ });
  t.match(run(['-']), { code: 1, stderr: /^stdin:1:1: error: the file is empty/ });
  t.match(run(['-'], { stdin: configMap(bad) }), { code: 1, stderr: /^stdin:8:65: error: / });
});

t.test('tells places in a ConfigMap by the lines of the manifest', async (t) => {
  const other = 'apiVersion: v1\nkind: Service\nmetadata: { name: s }\n---\n';
  const folder = files(t, {
    'map.yaml': `# A manifest\n${other}${configMap(warned)}`,
    'bad.yaml': configMap(bad).replaceAll('\n', '\r\n'),
    'syntax.yaml': configMap('upstreams: [\n'),
  });
  const inMap = run([join(folder, 'map.yaml')]);
  t.equal(inMap.stdout, `${join(folder, 'map.yaml')}: OK, 1 upstream, 1 warning\n`);
  t.match(inMap.stderr, /map\.yaml:13:103: warning: upstreams\.a\.bulkhead/);
  t.match(run([join(folder, 'bad.yaml')]), { code: 1, stderr: /bad\.yaml:8:65: error: / });
  t.match(run([join(folder, 'syntax.yaml')]).stderr, /syntax\.yaml:8:1: error: /);
});

t.test('heeds the comments in a ConfigMap', async (t) => {
  const silenced = warned.replace(/ }\n$/, ' } # breakwater-ignore: single-slot -- a printer\n');
  t.match(run(['-'], { stdin: configMap(silenced) }), { code: 0, stderr: '' });
});

t.test('checks all files of all ConfigMaps of a manifest', async (t) => {
  const two = `${configMap(good)}  other.yml: |\n${indent(bad, '      ')}\n  README: no configuration\n`;
  t.match(run(['-'], { stdin: two }), { code: 1, stderr: /^stdin:10:67: error: / });
  t.equal(
    run(['-'], { stdin: `${configMap(good)}---\n${configMap(warned, 'config')}` }).stdout,
    'stdin: OK, 2 upstreams, 1 warning\n',
  );
  const list = `apiVersion: v1\nkind: List\nitems:\n${indent(configMap(bad), '    ').replace('    api', '  - api')}\n`;
  t.match(run(['-'], { stdin: list }), { code: 1, stderr: /^stdin:11:69: error: / });
});

t.test('leaves files of other programs out that a chart prints beside its own', async (t) => {
  const chart = `${configMap('scrape_configs: []\n', 'prometheus.yml')}---\n${configMap(good)}`;
  const { code, stdout, stderr } = run(['-'], { stdin: chart, strict: true });
  t.strictSame([code, stdout], [0, 'stdin: OK, 1 upstream, 1 info\n']);
  t.match(
    stderr,
    /^stdin:7:5: info: prometheus\.yml is not checked, because it has no `upstreams`/,
  );
  const alone = run(['-'], { stdin: configMap('scrape_configs: []\n') });
  t.match(alone, { code: 1, stderr: /scrape_configs: is an unknown key/ });
});

t.test('leaves other manifests of a folder out, unless there is nothing else', async (t) => {
  const folder = files(t, {
    'configmap.yaml': configMap(good),
    'service.yaml': 'apiVersion: v1\nkind: Service\n',
  });
  const service = join(folder, 'service.yaml');
  const { code, stdout, stderr } = run([folder], { strict: true });
  t.equal(code, 0);
  t.equal(stdout, `${join(folder, 'configmap.yaml')}: OK, 1 upstream\n${service}: OK, 1 info\n`);
  t.match(stderr, /service\.yaml:1:1: info: is a Kubernetes manifest without a configuration file/);
  t.equal(run([service]).code, 1, 'a file that is named is meant');
  rmSync(join(folder, 'configmap.yaml'));
  t.equal(run([folder]).code, 1);
});

const includes = `include: ["team-*.yaml"]\n${good}`;
const team = bad.replace('a: { listen: 1', 'b: { listen: 2');

t.test('checks a file of a folder that another one includes with that one only', async (t) => {
  const folder = files(t, { 'main.yaml': includes, 'team-b.yaml': team });
  const { code, stderr } = run([folder]);
  t.equal(code, 1);
  t.match(stderr, new RegExp(`^${folder}/team-b.yaml:2:61: error: upstreams.b.retry.*\n$`));
  writeFileSync(join(folder, 'team-b.yaml'), 'profiles: { p: {} }');
  t.equal(run([folder]).stdout, `${folder}/main.yaml: OK, 1 upstream\n`);
  t.equal(run([join(folder, 'team-b.yaml')]).code, 1, 'a file that is named is checked by itself');
});

t.test('the files of one ConfigMap include each other', async (t) => {
  const part = `  team-b.yaml: |\n${indent(team, '    ')}\n`;
  const { code, stderr } = run(['-'], { stdin: configMap(includes) + part });
  t.equal(code, 1);
  t.match(stderr, /^stdin:11:65: error: upstreams\.b\.retry.*\n$/);
  t.match(run(['-'], { stdin: `${configMap(includes)}---\n${configMap(team, 'team-b.yaml')}` }), {
    code: 1,
    stderr: /^stdin:7:15: error: include\[0\]: no file matches team-\*\.yaml/,
  });
});

t.test('points at the start of a file that is not written line by line', async (t) => {
  const quoted = `apiVersion: v1\nkind: ConfigMap\ndata:\n  b.yaml: ${JSON.stringify(bad)}\n`;
  t.match(run(['-'], { stdin: quoted }).stderr, /^stdin:4:11: error: upstreams\.a\.retry/);
});

t.test('tells a manifest without a configuration file', async (t) => {
  const manifests = [
    'apiVersion: apps/v1\nkind: Deployment\n',
    'apiVersion: v1\nkind: ConfigMap\ndata: { key: value }\n',
    'apiVersion: v1\nkind: ConfigMap\n',
    'apiVersion: v1\nkind: List\nitems: [1, { kind: Secret }]\n',
  ];
  for (const stdin of manifests) {
    const message = /^stdin:1:1: error: is a Kubernetes manifest without a configuration file/;
    t.match(run(['-'], { stdin }), { code: 1, stdout: '', stderr: message }, stdin);
  }
  const broken = run(['-'], { stdin: 'apiVersion: v1\nkind: ConfigMap\ndata: [\n' });
  t.match(broken, { code: 1, stderr: /^stdin:\d:\d+: error: / });
});

const unset = `admin: { listen: "0.0.0.0:9900", token: "\${TOKEN}" }
upstreams:
  a:
    listen: "127.0.0.1:\${PORT}"
    target: "\${URL}"
    ${quiet.replace(', ', '\n    ')}
    bulkhead: { maxConcurrent: 1, maxQueue: "\${QUEUE}" }
    routes:
      - { name: "\${NAME}", match: { path: "/\${A}/\${B}" } }
      - { name: other, match: { path: "/x" } }
`;

t.test('fails on variables that are not set, unless they may be', async (t) => {
  const strict = run(['-'], { stdin: unset });
  t.equal(strict.code, 1);
  t.equal(strict.stderr.match(/: error: /g)?.length, 6);
  const { code, stdout, stderr } = run(['-'], { stdin: unset, allowUnset: true });
  t.equal(code, 0);
  t.equal(stdout, 'stdin: OK, 1 upstream, 1 warning, 6 infos\n', 'the rest is looked at');
  t.match(
    stderr,
    /^stdin:1:41: info: admin\.token: TOKEN is not set here, so this value is not checked \[unset-variable\]\n/,
  );
  t.match(stderr, /stdin:10:\d+: info: \S+path: A and B are not set here/);
  t.match(stderr, /stdin:8:32: warning: .* \[single-slot\]\n/);
  const env = { TOKEN: 't', PORT: '8101', URL: 'http://a', QUEUE: '5', NAME: 'n', A: 'a', B: 'b' };
  t.equal(
    run(['-'], { stdin: unset, allowUnset: true, env }).stdout,
    'stdin: OK, 1 upstream, 1 warning\n',
  );
});

t.test('still tells every mistake besides variables that are not set', async (t) => {
  const text = unset.replace('maxConcurrent: 1', 'maxConcurrent: 0');
  t.match(run(['-'], { stdin: text, allowUnset: true }), {
    code: 1,
    stderr: /maxConcurrent: must be/,
  });
  const wrong = run(['-'], { stdin: unset.replace('${QUEUE}', '${Q-1}'), allowUnset: true });
  t.match(wrong, { code: 1, stderr: /cannot read "\$\{Q-1\}"/ });
});

t.test('does without the lint where a stand-in would not fit', async (t) => {
  const text = `stores: { kind: "\${KIND}", url: "redis://r" }\n${warned}`;
  t.match(run(['-'], { stdin: text, allowUnset: true }), {
    code: 1,
    stderr: /stores\.url: is for `kind: redis` only/,
  });
  const named =
    'upstreams:\n  a: { listen: 1, target: "http://a", profile: "${P}", retry: off, circuitBreaker: off, fallback: [{ upstream: "${U}" }, { static: { status: 200 } }] }\n';
  t.match(run(['-'], { stdin: named, allowUnset: true }), {
    code: 0,
    stdout: 'stdin: OK, 1 upstream, 2 infos\n',
  });
});

t.test('writes commands for the log of GitHub Actions', async (t) => {
  const folder = files(t, { 'a,b:c%.yaml': `${warned}log: { level: "x\\ny%" }\n`, 'i.yaml': 'x' });
  const file = join(folder, 'a,b:c%.yaml');
  const shown = file.replace('a,b:c%', 'a%2Cb%3Ac%25');
  t.strictSame(run([file], { format: 'github' }), {
    code: 1,
    stderr: '',
    stdout: `::error file=${shown},line=3,col=15,title=wrong-value::log.level: must be fatal, error, warn, info, debug or trace, but is "x\\ny%25"\n`,
  });
  t.match(run(['-'], { format: 'github', stdin: warned }), {
    code: 0,
    stdout:
      /^::warning file=stdin,line=2,col=99,title=single-slot::upstreams\.a\.bulkhead\.maxConcurrent: only one call runs at a time: .*\n$/,
  });
  t.match(
    run(['-'], { format: 'github', stdin: unset, allowUnset: true }).stdout,
    /^::notice file=stdin,line=1,/,
  );
  t.strictSame(run(['-'], { format: 'github', stdin: good }), { code: 0, stdout: '', stderr: '' });
});

interface Sarif {
  readonly version: string;
  readonly runs: readonly {
    readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string }[] } };
    readonly results: readonly { readonly ruleId: string; readonly ruleIndex: number }[];
  }[];
}

/** Of one result. */
const place = (uri: object, startLine: number, startColumn: number, path: string) => [
  {
    physicalLocation: { artifactLocation: uri, region: { startLine, startColumn } },
    logicalLocations: [{ fullyQualifiedName: path }],
  },
];

t.test('writes SARIF 2.1.0', async (t) => {
  const folder = files(t, { 'b d.yaml': bad });
  const file = join(folder, 'b d.yaml');
  const { code, stdout, stderr } = run([file, '-'], { format: 'sarif', stdin: warned });
  t.strictSame([code, stderr], [1, '']);
  const log = JSON.parse(stdout) as Sarif;
  t.match(log, {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        columnKind: 'utf16CodeUnits',
        tool: {
          driver: {
            name: 'Breakwater',
            version,
            rules: [
              { id: 'wrong-value', defaultConfiguration: { level: 'error' } },
              { id: 'single-slot', defaultConfiguration: { level: 'warning' } },
            ],
          },
        },
        results: [
          {
            ruleId: 'wrong-value',
            ruleIndex: 0,
            level: 'error',
            message: { text: /^upstreams\.a\.retry\.maxAttempts: must be/ },
            locations: place(
              { uri: pathToFileURL(file).href },
              2,
              61,
              'upstreams.a.retry.maxAttempts',
            ),
          },
          {
            ruleId: 'single-slot',
            ruleIndex: 1,
            level: 'warning',
            locations: place(
              { uri: 'stdin', uriBaseId: '%SRCROOT%' },
              2,
              99,
              'upstreams.a.bulkhead.maxConcurrent',
            ),
          },
        ],
      },
    ],
  });
  t.match(JSON.parse(run(['-'], { format: 'sarif', stdin: good }).stdout), {
    runs: [{ results: [] }],
  });
  t.match(
    JSON.parse(run(['./no/such file.yaml'], { format: 'sarif' }).stdout),
    {
      runs: [
        {
          results: [
            {
              level: 'error',
              locations: [
                { physicalLocation: { artifactLocation: { uri: 'no/such%20file.yaml' } } },
              ],
            },
          ],
        },
      ],
    },
    'a relative name becomes a relative URI',
  );
  const info = JSON.parse(
    run(['-'], { format: 'sarif', stdin: unset, allowUnset: true }).stdout,
  ) as Sarif;
  t.match(info.runs[0]!.results[0], { ruleId: 'unset-variable', level: 'note' });
});

t.test('puts all files into one JSON array', async (t) => {
  const folder = files(t, { 'a.yaml': bad, 'b.yaml': warned });
  const list = JSON.parse(run([folder], { format: 'json' }).stdout) as { file: string }[];
  t.strictSame(
    list.map(({ file }) => file),
    [join(folder, 'a.yaml'), join(folder, 'b.yaml')],
  );
});

t.test('takes all of that from the command line', async (t) => {
  const child = execFile(
    ...node(pathOf('main.js'), 'check', '--allow-unset', '--format', 'github', '-'),
  );
  const chunks: string[] = [];
  child.stdout!.on('data', (chunk: string) => chunks.push(chunk));
  child.stdin!.end(unset);
  const code = await new Promise((resolve) => child.on('close', resolve));
  t.equal(code, 0);
  t.match(chunks.join(''), /^::notice file=stdin,line=1,col=41,title=unset-variable::/);
});

t.test('reads standard input that comes late and does not block', async (t) => {
  // A socket pair, as Node makes it for its children, does not block.
  const child = spawn(...node(pathOf('main.js'), 'check', '-'), { stdio: 'pipe' });
  let told = '';
  child.stdout.on('data', (chunk: Buffer) => (told += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (told += chunk.toString()));
  const half = Math.floor(good.length / 2);
  child.stdin.write(good.slice(0, half));
  setTimeout(() => child.stdin.end(good.slice(half)), 700);
  t.equal(await new Promise((resolve) => child.on('close', resolve)), 0);
  t.equal(told, 'stdin: OK, 1 upstream\n');
});

t.test('import reads standard input as check does', async (t) => {
  const child = spawn(...node(pathOf('main.js'), 'import', 'dapr', '-'), { stdio: 'pipe' });
  let told = '';
  child.stdout.on('data', (chunk: Buffer) => (told += chunk.toString()));
  const timeouts =
    'policies: { timeouts: { short: 5s } }, targets: { apps: { a: { timeout: short } } }';
  child.stdin.end(`apiVersion: dapr.io/v1alpha1\nkind: Resiliency\nspec: { ${timeouts} }\n`);
  t.equal(await new Promise((resolve) => child.on('close', resolve)), 0);
  t.match(told, /^# Made from Dapr: stdin\./);
});

t.test('ends without a complaint when its reader is gone', async (t) => {
  const many = Array.from({ length: 500 }, (_, i) => `  u${i}: { listen: 0 }`).join('\n');
  const folder = files(t, { 'a.yaml': `upstreams:\n${many}\n` });
  const [command, args] = node(pathOf('main.js'), 'check', '--format', 'json', folder);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let told = '';
  child.stderr.on('data', (chunk: Buffer) => (told += chunk.toString()));
  t.equal(await new Promise((resolve) => child.on('close', resolve)), 1);
  t.equal(told, '');
});
