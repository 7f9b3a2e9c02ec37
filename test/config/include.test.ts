/** Files that a configuration includes: found, put together, and named in messages. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t from 'tap';
import { checkConfig } from '../../src/config/check.js';
import { explainUpstream } from '../../src/config/explain.js';
import { loadConfig } from '../../src/config/load.js';
import { formatDiagnostics } from '../../src/config/syntax/diagnostics.js';

interface Tap {
  teardown(handler: () => unknown): void;
}

/** Writes the files, and loads `main.yaml`. Paths in what it tells are seen from the folder. */
function folderOf(t: Tap, contents: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), 'breakwater-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const write = (name: string, text: string) => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  };
  for (const [name, text] of Object.entries(contents)) write(name, text);
  const file = join(folder, 'main.yaml');
  const load = (env: Record<string, string> = {}) => loadConfig(file, env);
  const local = (text: string) => text.replaceAll(`${folder}/`, '');
  return {
    folder,
    file,
    write,
    load,
    local,
    names: () => load().config?.upstreams.map(({ name }) => name),
    told: () => local(formatDiagnostics(load().diagnostics)),
  };
}

const upstream = (name: string, port: number, keys = '') =>
  `  ${name}: { listen: ${port}, target: "http://${name}"${keys} }\n`;
const upstreams = (...all: string[]) => `upstreams:\n${all.join('')}`;

const body = (name: string) => `, fallback: [{ static: { bodyFile: ${name} } }]`;

t.test('puts the upstreams, profiles and sections of all files together', async (t) => {
  const { load } = folderOf(t, {
    'main.yaml': `include: [team-a.yaml, "conf.d/*.yaml"]\n${upstreams(upstream('own', 1))}`,
    'team-a.yaml': `defaults: { timeout: { total: 7s } }\n${upstreams(upstream('a', 2, ', profile: fast'))}`,
    'conf.d/1.yaml': `profiles: { fast: { timeout: { attempt: 2s } } }\nlog: { level: warn }\n`,
    'conf.d/2.yaml': upstreams(upstream('b', 3)),
  });
  const { config, diagnostics } = load();
  t.strictSame(diagnostics, []);
  t.match(config!.upstreams, [
    { name: 'own', policies: { timeout: { total: 7000, attempt: 10_000 } } },
    { name: 'a', policies: { timeout: { total: 7000, attempt: 2000 } } },
    { name: 'b', policies: { timeout: { total: 7000, attempt: 10_000 } } },
  ]);
  t.equal(config!.log.level, 'warn');
  t.notOk('include' in config!.document, 'the effective configuration is that of all files');
  t.strictSame(Object.keys(config!.document.upstreams as object), ['own', 'a', 'b']);
});

t.test(
  'a star stands for names in their order, but not for hidden files or its own file',
  async (t) => {
    const { names } = folderOf(t, {
      'main.yaml': `include: ["*.yaml", "teams/*/x-*.yaml", "b.yaml"]\n`,
      'b.yaml': upstreams(upstream('b', 2)),
      'a.yaml': upstreams(upstream('a', 1)),
      '.hidden.yaml': 'not: read',
      'a.yaml~': 'not: read',
      'teams/b/x-1.yaml': upstreams(upstream('d', 4)),
      'teams/a/x-1.yaml': upstreams(upstream('c', 3)),
      'teams/c/y.yaml': 'not: read',
      'teams/x-file.yaml': 'not: read',
    });
    t.strictSame(names(), ['a', 'b', 'c', 'd']);
  },
);

t.test('a star in a folder passes over folders without the file', async (t) => {
  const { names } = folderOf(t, {
    'main.yaml': 'include: ["teams/*/breakwater.yaml"]\n',
    'teams/a/other.yaml': '',
    'teams/b/breakwater.yaml': upstreams(upstream('b', 1)),
  });
  t.strictSame(names(), ['b']);
});

t.test('finds the files of a ConfigMap, which are symbolic links', async (t) => {
  const { folder, names } = folderOf(t, {
    'main.yaml': 'include: ["conf.d/*.yaml"]\n',
    'conf.d/..1/a.yaml': upstreams(upstream('a', 1)),
  });
  symlinkSync('..1', join(folder, 'conf.d/..data'));
  symlinkSync('..data/a.yaml', join(folder, 'conf.d/a.yaml'));
  t.strictSame(names(), ['a']);
});

t.test('takes absolute paths and variables', async (t) => {
  const { folder, write, load } = folderOf(t, { 'a.yaml': upstreams(upstream('a', 1)) });
  write('main.yaml', `include: ["${folder}/\${TEAM}.yaml"]\n`);
  t.equal(load({ TEAM: 'a' }).config?.upstreams.length, 1);
  t.match(load(), { diagnostics: [{ line: 1, rule: 'environment', path: 'include[0]' }] });
});

t.test('each message names the file of its place', async (t) => {
  const { told } = folderOf(t, {
    'main.yaml': `include: [a.yaml, sub/b.yaml]\nlgo: 1\n`,
    'a.yaml': `upstreams:\n  a:\n    listen: 1\n    target: http://a\n    retyr: off\n`,
    'sub/b.yaml': `upstreams:\n  b: { listen: 1, target: "http://\${HOST}", profile: no }\n`,
  });
  const lines = told().split('\n');
  t.match(lines, [
    /^main\.yaml:2:1: error: lgo: is an unknown key; did you mean "log"\?/,
    /^a\.yaml:5:5: error: upstreams\.a\.retyr: is an unknown key; did you mean "retry"\?/,
    /^sub\/b\.yaml:2:16: error: upstreams\.b\.listen: .* upstream a \(a\.yaml:3\) listens/,
    /^sub\/b\.yaml:2:27: error: upstreams\.b\.target: the environment variable HOST is not set/,
    /^sub\/b\.yaml:2:54: error: upstreams\.b\.profile: no profile is named "no"/,
    /^$/,
  ]);
});

t.test('what is written in two files is an error that names both places', async (t) => {
  const { told } = folderOf(t, {
    'main.yaml': `include: [a.yaml, b.yaml]\nstores: { kind: memory }\n${upstreams(upstream('x', 1))}`,
    'a.yaml': `profiles: { p: {} }\ndefaults: {}\n${upstreams(upstream('x', 2))}`,
    'b.yaml': `profiles: { p: {} }\ndefaults: {}\nstores: { kind: memory }\n${upstreams(upstream('y', 1, ', prefix: /y'), upstream('z', 3, ', prefix: /y'))}`,
  });
  t.equal(
    told(),
    `a.yaml:4:3: error: upstreams.x: is written twice, first in main.yaml:4; keep one of the two, or rename one
b.yaml:1:13: error: profiles.p: is written twice, first in a.yaml:1; keep one of the two, or rename one
b.yaml:2:1: error: defaults: is written in two files, first in a.yaml:2; each section stands in one file
b.yaml:3:1: error: stores: is written in two files, first in main.yaml:2; each section stands in one file
b.yaml:5:16: error: upstreams.y.listen: 127.0.0.1:1 is taken: upstream x (main.yaml:4) listens on 127.0.0.1:1
b.yaml:6:47: error: upstreams.z.prefix: /y is taken: upstream y (line 5) has it
`,
  );
});

t.test('tells at `include` which file it cannot take, and why', async (t) => {
  const cases: Record<string, [item: string, message: RegExp]> = {
    missing: ['no.yaml', /include\[0\]: cannot read no\.yaml: there is no such file/],
    folder: ['sub', /cannot read sub: this is a directory, not a file/],
    binary: ['"*.bin"', /cannot read x\.bin: it is not UTF-8 text/],
    'a pattern without a match': [
      'sub/*.yaml',
      /no file matches sub\/\*\.yaml; write at least one, or/,
    ],
    'a folder that is not there': ['no/*.yaml', /no file matches no\/\*\.yaml/],
    'a pattern that only matches the file itself': ['main.*', /no file matches main\.\*/],
    itself: ['./main.yaml', /this is the file itself; name only other files/],
    'two stars': ['"**/x.yaml"', /`\*\*` is not allowed; write a pattern for each level/],
    'other patterns': ['"{a,b}.yaml"', /only `\*` is allowed/],
    'no text': ['[a.yaml]', /include\[0\]: must be a path, in which/],
  };
  for (const [name, [item, message]] of Object.entries(cases)) {
    const { folder, told } = folderOf(t, {
      'main.yaml': `include: [${item}]\n${upstreams(upstream('a', 1))}`,
      'sub/x.txt': '',
    });
    writeFileSync(join(folder, 'x.bin'), Buffer.from([0xff]));
    t.match(told(), new RegExp(`^main\\.yaml:1:\\d+: error: .*${message.source}.*\n$`), name);
  }
  const notList = folderOf(t, { 'main.yaml': `include: a.yaml\n${upstreams(upstream('a', 1))}` });
  t.match(notList.told(), /main\.yaml:1:10: error: include: must be a list/);
});

t.test('tells in an included file what it must not be', async (t) => {
  const cases: Record<string, [text: string, message: RegExp]> = {
    'a file that includes others': [
      `include: [main.yaml]\n${upstreams(upstream('b', 2))}`,
      /^b\.yaml:1:1: error: include: is allowed in main\.yaml only, which includes this file/,
    ],
    empty: ['# nothing\n', /^b\.yaml:1:1: error: the file is empty; write something into it/],
    'a list': ['- a\n', /^b\.yaml:1:1: error: must be a mapping with sections/],
    'a section without a value': [
      'upstreams:\n',
      /^b\.yaml:1:11: error: upstreams: must be a mapping/,
    ],
    'not YAML': ['upstreams: {\n', /^b\.yaml:2:1: error: /],
  };
  for (const [name, [text, message]] of Object.entries(cases)) {
    const { told } = folderOf(t, {
      'main.yaml': `include: [b.yaml]\n${upstreams(upstream('a', 1))}`,
      'b.yaml': text,
    });
    t.match(told(), message, name);
    t.equal(told().split('\n').length, 2, `${name}: one message`);
  }
});

t.test('names of files in an included file are relative to it', async (t) => {
  const { load, write, told } = folderOf(t, {
    'main.yaml': 'include: ["teams/*/b.yaml"]\n',
    'teams/a/b.yaml': upstreams(upstream('a', 1, body('page.html'))),
    'teams/b/b.yaml': `upstreams: { b: { listen: 2, target: "https://b", tls: { ca: ca.pem }${body('page.html')} } }`,
    'teams/a/page.html': 'of a',
    'teams/b/page.html': 'of b',
    'teams/b/ca.pem': '-----BEGIN CERTIFICATE-----',
  });
  const { config } = load();
  t.match(
    config!.upstreams.map(({ policies }) => policies.fallback),
    [[{ static: { body: Buffer.from('of a') } }], [{ static: { body: Buffer.from('of b') } }]],
  );
  t.equal(config!.upstreams[1]!.tls?.ca, '-----BEGIN CERTIFICATE-----');
  t.match(config!.document, {
    upstreams: { b: { tls: { ca: 'teams/b/ca.pem' } } },
  });
  write('teams/b/b.yaml', upstreams(upstream('b', 2, body('no.html'))));
  t.match(
    told(),
    /^teams\/b\/b\.yaml:2:\d+: error: .*cannot read "teams\/b\/no\.html", looked for from the folder of main\.yaml: ENOENT\n$/,
  );
});

t.test('an anchor in an included file is rewritten once, and known there only', async (t) => {
  const { load, write, told } = folderOf(t, {
    'main.yaml': `include: [sub/a.yaml]\n`,
    'sub/a.yaml': `upstreams:
  a: &a { listen: 1, target: "http://a", fallback: &f [{ static: { bodyFile: &b x } }] }
  b: { listen: 2, target: "http://b", fallback: *f }
  c: { listen: 3, target: "http://c", fallback: [{ static: { bodyFile: *b } }] }
`,
    'sub/x': 'x',
  });
  t.equal(load().config?.upstreams.length, 3);
  write('main.yaml', `include: [sub/a.yaml]\nprofiles: { p: *a }\n`);
  t.match(told(), /^main\.yaml:2:16: error: profiles\.p: there is no anchor of that name/);
});

t.test('the lint and its comments go by the file', async (t) => {
  const one = 'bulkhead: { maxConcurrent: 1 }';
  const quiet = 'circuitBreaker: off, retry: off';
  const { file, local, write } = folderOf(t, {
    'main.yaml': 'include: [a.yaml, b.yaml]\n',
    'a.yaml': `upstreams:\n  a: { listen: 1, target: "http://a", ${quiet}, ${one} }\n`,
    'b.yaml': `upstreams:\n  b: { listen: 2, target: "http://b", ${quiet}, ${one} } # breakwater-ignore: single-slot\n`,
  });
  const told = () => local(formatDiagnostics(checkConfig(file, {}).diagnostics));
  t.match(told(), /^a\.yaml:2:99: warning: upstreams\.a\.bulkhead.* \[single-slot\]\n$/);
  write('b.yaml', `# breakwater-ignore: no-such\n${upstreams(upstream('b', 2, `, ${quiet}`))}`);
  t.match(told(), /b\.yaml:1:22: warning: no rule is named "no-such"/);
});

t.test('explain names the file of each value', async (t) => {
  const { load, local } = folderOf(t, {
    'main.yaml': 'include: [a.yaml, p.yaml]\ndefaults:\n  retry: off\n',
    'a.yaml': `upstreams:\n  a:\n    listen: 1\n    target: http://a\n    profile: p\n    hedge: off\n`,
    'p.yaml': 'profiles:\n  p:\n    timeout:\n      total: 3s\n',
  });
  const { config, effective } = load();
  const explained = explainUpstream(config!, effective!, 'a', undefined);
  const text = local('text' in explained ? explained.text : '');
  t.match(text, /^retry: "?off"? # defaults main\.yaml:3$/m);
  t.match(text, /^hedge: "?off"? # a\.yaml:6$/m);
  t.match(text, /^ {2}total: 3s # profile p p\.yaml:4$/m);
});

t.test('the hash is that of all files, whatever their names', async (t) => {
  const { load, write, folder } = folderOf(t, {
    'main.yaml': `include: ["*.yaml"]\n`,
    'a.yaml': upstreams(upstream('a', 1)),
  });
  const first = load().config?.hash;
  write('b.yaml', readFileSync(join(folder, 'a.yaml'), 'utf8'));
  rmSync(join(folder, 'a.yaml'));
  t.equal(load().config?.hash, first);
  write('b.yaml', `${upstreams(upstream('a', 1))}# a comment\n`);
  t.not(load().config?.hash, first);
});

t.test('a wrong file still tells what belongs to the configuration', async (t) => {
  const { load, write, local } = folderOf(t, { 'main.yaml': 'include: [a.yaml, "c/*.yaml"]\n' });
  t.strictSame(load().includes!.map(local), ['a.yaml', 'c/*.yaml']);
  write('main.yaml', 'include: [');
  t.equal(load().includes, undefined, 'what cannot be read tells nothing');
});
