import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { describeShortage, descriptorNeed } from '../../src/app/descriptors.js';
import { loadConfig } from '../../src/config/load.js';
import { policies } from '../../src/policies/index.js';
import { node, pathOf } from '../support/program.js';

function write(t: Test, text: string): string {
  const file = join(t.testdir(), 'f.yaml');
  writeFileSync(file, text);
  return file;
}

const load = (t: Test, text: string) => loadConfig(write(t, text), {}, policies).config!;

const file = (maxConnections: string) => `limits: { maxConnections: ${maxConnections} }
upstreams:
  a:
    listen: 0
    target: "http://127.0.0.1:1"
    bulkhead: { maxConcurrent: 30 }
    routes:
      - { name: own, match: { path: "/own" }, bulkhead: { maxConcurrent: 5 } }
      - { name: shared, match: { path: "/shared" }, retry: off }
  b: { listen: 0, target: "http://127.0.0.1:2", bulkhead: off }`;

t.test('counts the connections of all listeners, and the slots of all bulkheads', async (t) => {
  t.same(descriptorNeed(load(t, file('200')), policies), { total: 499, clients: 400, calls: 35 });
});

t.test('counts a connection per call where maxConnections is off', async (t) => {
  t.same(descriptorNeed(load(t, file('off')), policies), { total: 134, clients: 35, calls: 35 });
});

t.test('tells of a limit below the need, and of no other', async (t) => {
  const config = load(t, file('200'));
  t.equal(describeShortage(config, policies, 499), undefined);
  t.equal(describeShortage(config, policies, undefined), undefined);
  t.match(
    describeShortage(config, policies, 498),
    /^only 498 descriptors may be open .* up to 499 may be/,
  );
});

t.test('run warns at its start', async (t) => {
  // Not one that can be listened on: the program ends by itself after the warning.
  const text = `admin: { listen: "192.0.2.1:1" }\n${file('200')}`;
  const [program, args] = node(pathOf('main.js'), 'run', '--config', write(t, text));
  const stderr = await new Promise<string>((resolve) => {
    const script = 'ulimit -n 256; exec "$0" "$@"';
    execFile('sh', ['-c', script, program, ...args], (_error, _stdout, text) => resolve(text));
  });
  t.match(stderr, /^breakwater: warning: only 256 descriptors .* up to 499 may be needed/m);
});
