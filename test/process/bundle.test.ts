/** The bundle, which is what users install: what could get lost on the way into it, and what a start from it leaves out. */
import { execFile, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import t from 'tap';
import { pageFiles } from '../../src/admin/page-files.js';
import { node, pathOf } from '../support/program.js';
import { startProxy } from '../support/proxy-process.js';
import { eventually, send, startUpstream, type Teardown } from '../support/sidecar.js';

const bundled = (file: string) => pathOf(`../program/${file}`);
const main = bundled('main.js');
const run = promisify(execFile);

const admin = 'admin: { listen: "127.0.0.1:0" }\n';
const upstream = (target: string, keys = '') =>
  `upstreams: { a: { listen: "127.0.0.1:0", target: "${target}"${keys} } }\n`;

/** @param options of Node.js. */
async function start(t: Teardown, yaml: string, options?: string) {
  const proxy = startProxy(t, yaml, options, {}, main);
  await eventually('it is ready', () => proxy.output().includes('breakwater: ready'));
  const addressOf = (name: string) =>
    `http://${new RegExp(`${name} listens on (\\S+)`).exec(proxy.output())![1]}`;
  return { ...proxy, url: addressOf('a'), admin: addressOf('admin') };
}

function writeFile(t: Teardown, name: string, content: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'breakwater-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

/** Writes the CommonJS modules that a process has loaded from files, when it ends. */
const listLoaded = `import module from 'node:module';
process.on('exit', () => process.stderr.write(Object.keys(module._cache).join('\\n') + '\\n'));`;

t.test('it forwards calls, and loads nothing from node_modules for that', async (t) => {
  const target = await startUpstream(t, (_request, response) => response.end('hello'));
  const preload = writeFile(t, 'preload.mjs', listLoaded);
  const proxy = await start(t, admin + upstream(target.url), `--import=${preload}`);
  t.match(await send(`${proxy.url}/`), { status: 200, text: 'hello' });
  proxy.process.kill('SIGTERM');
  t.equal(await proxy.exit, 0);
  t.notMatch(proxy.errors(), /node_modules/);
});

t.test('it has every file of the live page, without the addresses of maps', async (t) => {
  const proxy = await start(t, admin + upstream('http://127.0.0.1:1'));
  const page = await fetch(proxy.admin, { headers: { accept: 'text/html' } });
  t.match(await page.text(), '<!doctype html>');
  for (const [name, { type }] of pageFiles) {
    const response = await fetch(`${proxy.admin}/page/${name}`);
    t.equal(response.status, 200, name);
    t.equal(response.headers.get('content-type'), type);
    t.notMatch(await response.text(), 'sourceMappingURL');
  }
});

t.test('it has no sources and no maps', async (t) => {
  const files = readdirSync(bundled(''), { recursive: true }).map(String);
  t.same(
    files.filter((file) => /\.(ts|map)$/.test(file)),
    [],
  );
});

/** Something of each kind that the schema can object to, and nothing. */
const samples: readonly string[] = [
  upstream('http://127.0.0.1:1'),
  'upstreams: {}',
  'upstreams: [a]',
  'upstreem: {}',
  upstream('http://127.0.0.1:1', ', retry: { maxAttempt: 2 }'),
  upstream('http://127.0.0.1:1', ', retry: { maxAttempts: 0 }'),
  upstream('http://127.0.0.1:1', ', retry: { maxAttempts: "${ATTEMPTS:-3}" }'),
  upstream('http://127.0.0.1:1', ', timeout: { total: 99999h, attempt: 1x }'),
  upstream('http://127.0.0.1:1', ', circuitBreaker: yes please, bulkhead: {}'),
  upstream('http://127.0.0.1:1', ', fallback: [{}, { cache: {}, static: {} }, { statik: 1 }]'),
  upstream('http://127.0.0.1:1', ', routes: [{ match: { methods: [get] } }, { name: "-" }]'),
  upstream('ftp://x', ', listen: 99999, deadline: off, rateLimit: { requests: 10 }'),
];

t.test('`check` says the same as it does unbundled', async (t) => {
  for (const sample of samples) {
    const file = writeFile(t, 'sample.yaml', sample);
    const [own, other] = await Promise.all(
      [main, pathOf('main.js')].map(async (program) => {
        const [command, args] = node(program, 'check', '--format', 'json', file);
        const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
        const output = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
        return { output: await output, code: child.exitCode };
      }),
    );
    t.same(own, other, sample);
  }
});

t.test('it checks a large file in its thread', async (t) => {
  const lines = Array.from(
    { length: 600 },
    (_, i) => `  u${i}: { prefix: /u${i}, target: "http://127.0.0.1:1" }`,
  );
  const single = `  single: { prefix: /s, target: "http://127.0.0.1:1", bulkhead: { maxConcurrent: 1 } }`;
  const proxy = startProxy(
    t,
    [admin, 'server: { listen: "127.0.0.1:0" }', 'upstreams:', single, ...lines].join('\n'),
    undefined,
    {},
    main,
  );
  await eventually('the warning is told', () => proxy.errors().includes('has 1 warning'));
});

t.test('it has the process that looks names up', async (t) => {
  const child = fork(bundled('lookup-child.js'), { execArgv: [] });
  t.teardown(() => child.kill('SIGKILL'));
  child.send({ id: 7, name: 'localhost' });
  const [result] = (await once(child, 'message')) as [{ id: number; addresses: unknown[] }];
  t.equal(result.id, 7);
  t.not(result.addresses.length, 0);
});

t.test('what only some features need is found', async (t) => {
  const spans = await startUpstream(t, (_request, response) => response.end());
  const proxy = await start(
    t,
    `${admin}tracing: { endpoint: "${spans.url}", sample: 100% }
stores: { kind: redis, url: "redis://127.0.0.1:1" }
${upstream('http://127.0.0.1:1', ', idempotency: on')}`,
  );
  t.equal((await send(`${proxy.url}/`)).status, 502);
  await eventually('the spans are sent', () => spans.seen.length > 0);
  await eventually('the store has been tried', () =>
    /"store":"redis".*ECONNREFUSED/.test(proxy.output()),
  );
});

t.test('it runs policy tests, whose schema it compiles as it is needed', async (t) => {
  const file = writeFile(t, 'breakwater.test.yaml', 'config: missing.yaml\nkases: []\n');
  const [command, args] = node(main, 'test', file);
  const failed = await run(command, args).catch((error: unknown) => error);
  t.match(failed, { stderr: /kases/ });
});

t.test('it starts where few descriptors may be open', async (t) => {
  const file = writeFile(t, 'few.yaml', admin + upstream('http://127.0.0.1:1'));
  const [command, args] = node(main, 'run', '--config', file);
  const child = spawn('sh', ['-c', 'ulimit -n 64; exec "$@"', 'sh', command, ...args]);
  t.teardown(() => child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await eventually('it is ready', () => output.includes('breakwater: ready'));
});
