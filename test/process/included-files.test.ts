/** Included files of a running process: changed, added and removed. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { startProxy } from '../support/proxy-process.js';
import { eventually } from '../support/sidecar.js';

const upstream = (name: string, keys = '') =>
  `upstreams: { ${name}: { listen: "127.0.0.1:0", target: "http://127.0.0.1:1"${keys} } }\n`;

t.test('reloads when an included file is changed, added or removed', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'breakwater-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'a.yaml'), upstream('a'));
  const proxy = startProxy(t, `include: ["${folder}/*.yaml"]\nadmin: { listen: "127.0.0.1:0" }\n`);
  await eventually('it is ready', () => proxy.output().includes('breakwater: ready'));
  const [, address] = /admin listens on (\S+)/.exec(proxy.output())!;
  const names = async () => {
    const config = (await (await fetch(`http://${address}/config`)).json()) as {
      upstreams: Record<string, { retry: unknown }>;
    };
    return config.upstreams;
  };
  const hash = async () => {
    const text = await (await fetch(`http://${address}/metrics`)).text();
    return /breakwater_build_info\{.*config="(\w+)"/.exec(text)?.[1];
  };
  const first = await hash();
  writeFileSync(join(folder, 'b.yaml'), upstream('b'));
  await eventually('added', async () => 'b' in (await names()));
  t.not(await hash(), first);
  writeFileSync(join(folder, 'a.yaml'), upstream('a', ', retry: off'));
  await eventually('changed', async () => (await names())['a']!.retry === 'off');
  rmSync(join(folder, 'b.yaml'));
  await eventually('removed', async () => !('b' in (await names())));
  rmSync(join(folder, 'a.yaml'));
  await eventually('an empty folder is an error', () => proxy.output().includes('no file matches'));
  t.ok('a' in (await names()), 'what is in force stays');
});
