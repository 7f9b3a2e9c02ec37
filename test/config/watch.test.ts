import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { watchFile } from '../../src/config/watch.js';
import { createSystemClock } from '../../src/platform/system-clock.js';
import { eventually } from '../support/sidecar.js';

interface Watched {
  readonly folder: string;
  readonly changes: () => number;
}

function watch(t: Tap, prepare: (folder: string) => string): Watched {
  const folder = mkdtempSync(join(tmpdir(), 'breakwater-'));
  const file = prepare(folder);
  let changes = 0;
  const watcher = watchFile(file, createSystemClock(), () => (changes += 1));
  t.teardown(() => {
    watcher.close();
    rmSync(folder, { recursive: true });
  });
  return { folder, changes: () => changes };
}

interface Tap {
  teardown(handler: () => unknown): void;
}

function writeVersion(folder: string, name: string, text: string): void {
  mkdirSync(join(folder, name));
  writeFileSync(join(folder, name, 'f.yaml'), text);
}

/** The first look is taken at the start; a change must come after it. */
const firstLook = () =>
  new Promise((resolve) => {
    setTimeout(resolve, 200);
  });

t.test('notices an edit in place', async (t) => {
  const { folder, changes } = watch(t, (folder) => {
    writeFileSync(join(folder, 'f.yaml'), 'a');
    return join(folder, 'f.yaml');
  });
  await firstLook();
  writeFileSync(join(folder, 'f.yaml'), 'b');
  await eventually('it is noticed', () => changes() === 1);
});

t.test('notices a file that is renamed over it', async (t) => {
  const { folder, changes } = watch(t, (folder) => {
    writeFileSync(join(folder, 'f.yaml'), 'a');
    return join(folder, 'f.yaml');
  });
  await firstLook();
  writeFileSync(join(folder, 'new'), 'a');
  renameSync(join(folder, 'new'), join(folder, 'f.yaml'));
  await eventually('it is noticed', () => changes() === 1);
});

t.test('notices the swap of a symbolic link on the way to it', async (t) => {
  const { folder, changes } = watch(t, (folder) => {
    writeVersion(folder, '..1', 'a');
    symlinkSync('..1', join(folder, '..data'));
    symlinkSync(join('..data', 'f.yaml'), join(folder, 'f.yaml'));
    return join(folder, 'f.yaml');
  });
  await firstLook();
  writeVersion(folder, '..2', 'b');
  symlinkSync('..2', join(folder, '..data_tmp'));
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  await eventually('it is noticed', () => changes() === 1);
});

t.test('says nothing when nothing changed, or after it was closed', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'breakwater-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'f.yaml');
  writeFileSync(file, 'a');
  let changes = 0;
  const watcher = watchFile(file, createSystemClock(), () => (changes += 1));
  await firstLook();
  watcher.close();
  writeFileSync(file, 'b');
  await new Promise((resolve) => {
    setTimeout(resolve, 1000);
  });
  t.equal(changes, 0);
});
