import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { watchFile } from '../../src/config/watch.js';
import { FakeClock } from '../support/fake-clock.js';
import { eventually } from '../support/sidecar.js';

/** A change is seen at the next look, at most this much later, in ms. */
const POLL_MS = 250;
/** How long a file must be left alone before its change is reported, in ms. */
const SETTLE_MS = 500;

interface Tap {
  teardown(handler: () => unknown): void;
}

/** A folder with what `prepare` writes into it, and the real watcher with a clock that the test moves. */
async function watch(t: Tap, prepare: (folder: string) => string = writeFirst) {
  const folder = mkdtempSync(join(tmpdir(), 'breakwater-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = prepare(folder);
  const clock = new FakeClock();
  const watched = {
    folder,
    file,
    clock,
    changes: 0,
    close: () => watcher.close(),
    follow: (all: string[]) => watcher.follow(all),
  };
  const watcher = watchFile(file, clock, () => (watched.changes += 1));
  t.teardown(() => watcher.close());
  await isLookedAt(watched);
  return watched;
}

/** The next look is due by the clock only when the one before is over. */
const isLookedAt = ({ clock }: { clock: FakeClock }) =>
  eventually('the file is looked at', () => clock.pending > 0);

/** Lets time pass, a look at a time. */
async function pass(watched: Awaited<ReturnType<typeof watch>>, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += POLL_MS) {
    await watched.clock.advance(POLL_MS);
    await isLookedAt(watched);
  }
}

function writeFirst(folder: string): string {
  const file = join(folder, 'f.yaml');
  writeFileSync(file, 'a');
  utimesSync(file, 1, 1);
  return file;
}

function writeVersion(folder: string, name: string, text: string): void {
  mkdirSync(join(folder, name));
  writeFileSync(join(folder, name, 'f.yaml'), text);
}

const changes: Record<string, (file: string, folder: string) => void> = {
  'an edit in place': (file) => writeFileSync(file, 'b'),
  'a file that is renamed over it': (file, folder) => {
    writeFileSync(join(folder, 'new'), 'c');
    renameSync(join(folder, 'new'), file);
  },
  'an edit that puts size and time back': (file) => {
    writeFileSync(file, 'd');
    utimesSync(file, 1, 1);
  },
  'a new time alone': (file) => utimesSync(file, 0, 0),
  'a file that is gone': (file) => unlinkSync(file),
};

for (const [what, change] of Object.entries(changes)) {
  t.test(`reports ${what} once, and not before it is quiet`, async (t) => {
    const watched = await watch(t);
    change(watched.file, watched.folder);
    await pass(watched, SETTLE_MS);
    t.equal(watched.changes, 0);
    await pass(watched, POLL_MS);
    t.equal(watched.changes, 1);
    await pass(watched, 6000);
    t.equal(watched.changes, 1);
  });
}

t.test('reports the swap of a symbolic link on the way to it', async (t) => {
  const watched = await watch(t, (folder) => {
    writeVersion(folder, '..1', 'a');
    symlinkSync('..1', join(folder, '..data'));
    symlinkSync(join('..data', 'f.yaml'), join(folder, 'f.yaml'));
    return join(folder, 'f.yaml');
  });
  writeVersion(watched.folder, '..2', 'b');
  symlinkSync('..2', join(watched.folder, '..data_tmp'));
  renameSync(join(watched.folder, '..data_tmp'), join(watched.folder, '..data'));
  await pass(watched, POLL_MS + SETTLE_MS);
  t.equal(watched.changes, 1);
});

t.test('reports changed, added and removed files that it includes', async (t) => {
  const watched = await watch(t);
  const write = (name: string, text: string) => writeFileSync(join(watched.folder, name), text);
  const isReported = async (what: string, change: () => void) => {
    const before = watched.changes;
    change();
    await pass(watched, POLL_MS + SETTLE_MS);
    t.equal(watched.changes - before, 1, what);
  };
  mkdirSync(join(watched.folder, 'conf.d'));
  write('a.yaml', 'a');
  await isReported('other files than before', () =>
    watched.follow([join(watched.folder, 'a.yaml'), join(watched.folder, 'conf.d/*.yaml')]),
  );
  await isReported('changed', () => write('a.yaml', 'b'));
  await isReported('added', () => write('conf.d/1.yaml', ''));
  await isReported('renamed', () =>
    renameSync(join(watched.folder, 'conf.d/1.yaml'), join(watched.folder, 'conf.d/2.yaml')),
  );
  await isReported('removed', () => unlinkSync(join(watched.folder, 'conf.d/2.yaml')));
  write('conf.yaml', 'matches no pattern');
  await pass(watched, 6000);
  t.equal(watched.changes, 5);
});

t.test('reports the swap of a folder with files that it includes', async (t) => {
  const watched = await watch(t, (folder) => {
    writeVersion(folder, '..1', 'a');
    symlinkSync('..1', join(folder, '..data'));
    symlinkSync(join('..data', 'f.yaml'), join(folder, 'f.yaml'));
    writeFileSync(join(folder, 'main'), '');
    return join(folder, 'main');
  });
  watched.follow([join(watched.folder, '*.yaml')]);
  await pass(watched, POLL_MS + SETTLE_MS);
  t.equal(watched.changes, 1);
  writeVersion(watched.folder, '..2', 'b');
  symlinkSync('..2', join(watched.folder, '..data_tmp'));
  renameSync(join(watched.folder, '..data_tmp'), join(watched.folder, '..data'));
  await pass(watched, POLL_MS + SETTLE_MS);
  t.equal(watched.changes, 2);
});

t.test('waits for a slow writer', async (t) => {
  const watched = await watch(t);
  for (const text of ['a b', 'a b c', 'a b c d']) {
    writeFileSync(watched.file, text);
    await pass(watched, SETTLE_MS);
  }
  t.equal(watched.changes, 0);
  await pass(watched, POLL_MS);
  t.equal(watched.changes, 1);
});

t.test('reports a file that never stays the same 5 s after its first change', async (t) => {
  const watched = await watch(t);
  for (let i = 0; i < 20; i++) {
    writeFileSync(watched.file, `version ${i}`);
    await pass(watched, POLL_MS);
  }
  t.equal(watched.changes, 0);
  writeFileSync(watched.file, 'version 20');
  await pass(watched, POLL_MS);
  t.equal(watched.changes, 1);
});

t.test('says nothing of a change that was taken back, or while nothing changes', async (t) => {
  const watched = await watch(t);
  await pass(watched, 6000);
  writeFileSync(watched.file, '');
  await pass(watched, POLL_MS);
  writeFileSync(watched.file, 'a');
  utimesSync(watched.file, 1, 1);
  await pass(watched, 6000);
  t.equal(watched.changes, 0);
});

t.test('says nothing after it was closed', async (t) => {
  const [before, between] = [await watch(t), await watch(t)];
  before.close();
  for (const { file } of [before, between]) writeFileSync(file, 'b');
  await pass(between, POLL_MS);
  between.close();
  for (const { clock } of [before, between]) {
    await clock.advance(60_000);
    t.equal(clock.pending, 0);
  }
  t.equal(before.changes, 0, 'closed before the change');
  t.equal(between.changes, 0, 'closed before it was quiet');
});
