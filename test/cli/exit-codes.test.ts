/** The exit codes of the commands: the list of `docs/compatibility`. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { exitCodes } from '../../tools/compatibility/declared.js';
import { node, pathOf } from '../support/program.js';

const upstream = (listen: string) =>
  `admin: { listen: "127.0.0.1:0" }\nupstreams: { a: { listen: "${listen}", target: "http://127.0.0.1:9" } }\n`;

const end = (...args: string[]) => spawnSync(...node(pathOf('main.js'), ...args)).status;

t.test('the commands end with the codes of the compatibility list', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'breakwater-exit-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => taken.close());

  const write = (name: string, text: string) => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  };
  const good = write('good.yaml', upstream('127.0.0.1:0'));
  const busy = write('busy.yaml', upstream(`127.0.0.1:${(taken.address() as AddressInfo).port}`));
  const bad = write('bad.yaml', 'upstreams: {}\n');
  const instances = write('application.yaml', 'resilience4j.retry.instances.a.maxAttempts: 3\n');
  const pod = write(
    'pod.yaml',
    'kind: Pod\nmetadata: { name: p }\nspec: { containers: [{ name: c }] }\n',
  );
  const caseThat = (status: string) =>
    write(
      `${status}.test.yaml`,
      `cases: [{ name: x, config: ${good}, when: [{ path: / }], given: [{ status: 200 }], then: { status: ${status} } }]\n`,
    );

  /** @param use what is done while it runs; it gets what the proxy has said. */
  async function run(use: (output: string) => void): Promise<number> {
    const proxy = spawn(...node(pathOf('main.js'), 'run', '--config', good));
    let text = '';
    for await (const piece of proxy.stdout) {
      text += String(piece);
      if (text.includes('breakwater: ready')) break;
    }
    use(text);
    proxy.kill('SIGTERM');
    const [code] = (await once(proxy, 'exit')) as [number];
    return code;
  }
  const drain = () => run(() => {});
  async function shownOnce(): Promise<unknown> {
    let code: unknown;
    await run((output) => {
      const [, address = ''] = /admin listens on (\S+)/.exec(output) ?? [];
      code = end('top', '--once', '--admin', address);
    });
    return code;
  }
  const ends: Record<keyof typeof exitCodes, () => unknown> = {
    'run 0': drain,
    'run 1': () => end('run', '--config', busy),
    'run 78': () => end('run', '--config', bad),
    'check 0': () => end('check', good),
    'check 1': () => end('check', bad),
    'explain 0': () => end('explain', good, '--upstream', 'a'),
    'explain 1': () => end('explain', good, '--upstream', 'b'),
    'simulate 0': () => end('simulate', good, '--upstream', 'a', '--seconds', '1'),
    'simulate 1': () => end('simulate', good, '--upstream', 'a', '--scenario', 'b'),
    'schema 0': () => end('schema'),
    'completion 0': () => end('completion', 'bash'),
    'test 0': () => end('test', caseThat('200')),
    'test 1': () => end('test', caseThat('503')),
    'import 0': () => end('import', 'resilience4j', instances),
    'import 1': () => end('import', 'resilience4j', bad),
    'inject 0': () => end('inject', pod),
    'inject 1': () => end('inject', bad),
    'top 0': shownOnce,
    'top 1': () => end('top', '--admin', '127.0.0.1:1'),
  };
  for (const name of Object.keys(exitCodes) as (keyof typeof exitCodes)[]) {
    t.equal(await ends[name](), Number(name.split(' ')[1]), name);
  }
});
