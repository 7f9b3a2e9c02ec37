import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { TlsWatcher } from '../../src/config/watch-tls.js';
import { createSystemClock } from '../../src/platform/system-clock.js';
import { eventually } from '../support/sidecar.js';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The first look is taken at the start; a change must come after it. */
const firstLook = () => pause(200);

function watch(t: { teardown(handler: () => unknown): void }) {
  const folder = mkdtempSync(join(tmpdir(), 'breakwater-'));
  let changes = 0;
  const watcher = new TlsWatcher(createSystemClock(), () => (changes += 1));
  t.teardown(() => {
    watcher.close();
    rmSync(folder, { recursive: true });
  });
  const path = (name: string) => join(folder, name);
  const write = (name: string, text: string) => writeFileSync(path(name), text);
  return { path, write, watcher, changes: () => changes };
}

t.test('a certificate and a key that are renewed one by one are one change', async (t) => {
  const { path, write, watcher, changes } = watch(t);
  for (const name of ['cert', 'key']) write(name, 'old');
  watcher.follow([path('cert'), path('key')]);
  await firstLook();
  const startMs = performance.now();
  write('cert', 'new');
  await pause(500);
  write('new-key', 'new');
  renameSync(path('new-key'), path('key'));
  await eventually('it is noticed', () => changes() === 1);
  t.ok(performance.now() - startMs < 15_000);
  await pause(1500);
  t.equal(changes(), 1);
});

t.test('only the files that were named last are followed', async (t) => {
  const { path, write, watcher, changes } = watch(t);
  for (const name of ['before', 'after']) write(name, 'old');
  watcher.follow([path('before')]);
  watcher.follow([path('after')]);
  await firstLook();
  write('before', 'new');
  await pause(2500);
  t.equal(changes(), 0);
  write('after', 'new');
  await eventually('it is noticed', () => changes() === 1);
});

t.test('files that go on changing are reported all the same', async (t) => {
  const { path, write, watcher, changes } = watch(t);
  write('cert', '0');
  watcher.follow([path('cert')]);
  await firstLook();
  let version = 0;
  const timer = setInterval(() => write('cert', String((version += 1))), 300);
  t.teardown(() => clearInterval(timer));
  await eventually('it is noticed', () => changes() === 1);
});
