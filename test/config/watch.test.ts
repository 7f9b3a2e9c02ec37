import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unwatchFile,
  watchFile as watchStat,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { watchFile } from '../../src/config/watch.js';
import { FakeClock } from '../support/fake-clock.js';
import { eventually } from '../support/sidecar.js';

/** How long a file must be left alone before its change is reported, in ms. */
const SETTLE_MS = 100;

interface Tap {
  teardown(handler: () => unknown): void;
}

/** A folder with what `prepare` writes into it; it gives back the path to watch. */
function open(t: Tap, prepare: (folder: string) => string = writeFirst) {
  const folder = mkdtempSync(join(tmpdir(), 'breakwater-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return { folder, file: prepare(folder) };
}

function writeFirst(folder: string): string {
  const file = join(folder, 'f.yaml');
  writeFileSync(file, 'a');
  return file;
}

/** The real watcher, with a clock of its own that the test moves. */
function watch(t: Tap, file: string) {
  const clock = new FakeClock();
  const watched = { clock, changes: 0, close: () => watcher.close() };
  const watcher = watchFile(file, clock, () => (watched.changes += 1));
  t.teardown(() => watcher.close());
  return watched;
}

type Watched = ReturnType<typeof watch>;

const isNoticed = ({ clock }: Watched) => clock.pending > 0;

function writeVersion(folder: string, name: string, text: string): void {
  mkdirSync(join(folder, name));
  writeFileSync(join(folder, name, 'f.yaml'), text);
}

/**
 * A change must come after the first look. This is over when a file that is watched later has been looked at for the
 * first time, and once more.
 */
async function firstLook(folder: string): Promise<void> {
  const file = join(folder, 'looked-at');
  let looks = 0;
  // A file that is not there is reported at the first look.
  watchStat(file, { interval: 10 }, () => {
    looks += 1;
    if (looks === 1) writeFileSync(file, '');
  });
  await eventually('files are looked at', () => looks >= 2);
  unwatchFile(file);
}

async function isReportedOnce(t: Test, watched: Watched): Promise<void> {
  await eventually('it is noticed', () => isNoticed(watched));
  await watched.clock.advance(SETTLE_MS - 1);
  t.equal(watched.changes, 0, 'not before it is quiet');
  await watched.clock.advance(1);
  t.equal(watched.changes, 1);
  t.equal(watched.clock.pending, 0);
}

t.test('notices an edit in place', async (t) => {
  const { folder, file } = open(t);
  const watched = watch(t, file);
  await firstLook(folder);
  writeFileSync(file, 'b');
  await isReportedOnce(t, watched);
});

t.test('notices a file that is renamed over it', async (t) => {
  const { folder, file } = open(t);
  const watched = watch(t, file);
  await firstLook(folder);
  writeFileSync(join(folder, 'new'), 'a');
  renameSync(join(folder, 'new'), file);
  await isReportedOnce(t, watched);
});

t.test('notices the swap of a symbolic link on the way to it', async (t) => {
  const { folder, file } = open(t, (folder) => {
    writeVersion(folder, '..1', 'a');
    symlinkSync('..1', join(folder, '..data'));
    symlinkSync(join('..data', 'f.yaml'), join(folder, 'f.yaml'));
    return join(folder, 'f.yaml');
  });
  const watched = watch(t, file);
  await firstLook(folder);
  writeVersion(folder, '..2', 'b');
  symlinkSync('..2', join(folder, '..data_tmp'));
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  await isReportedOnce(t, watched);
});

t.test('reports changes that follow each other closely as one', async (t) => {
  const { folder, file } = open(t);
  const watched = watch(t, file);
  await firstLook(folder);
  let scheduled = 0;
  const schedule = watched.clock.schedule.bind(watched.clock);
  watched.clock.schedule = (delayMs, callback) => {
    scheduled += 1;
    return schedule(delayMs, callback);
  };
  writeFileSync(file, 'b');
  await eventually('the first is noticed', () => scheduled === 1);
  await watched.clock.advance(SETTLE_MS - 1);
  writeFileSync(file, 'bc');
  await eventually('the second is noticed', () => scheduled === 2);
  await isReportedOnce(t, watched);
});

t.test('says nothing while nothing changes', async (t) => {
  const { folder, file } = open(t);
  const other = join(folder, 'other.yaml');
  writeFileSync(other, 'a');
  const watched = watch(t, file);
  const later = watch(t, other);
  await firstLook(folder);
  t.equal(readFileSync(file, 'utf8'), 'a', 'to read it is no change');
  // Each look at the other file comes after one at this.
  for (const text of ['b', 'bc']) {
    writeFileSync(other, text);
    await eventually('the other is noticed', () => isNoticed(later));
    await later.clock.advance(SETTLE_MS);
  }
  await watched.clock.advance(60_000);
  t.equal(watched.changes, 0);
  t.equal(later.changes, 2);
});

t.test('says nothing after it was closed', async (t) => {
  const { folder, file } = open(t);
  const [before, between, after] = [watch(t, file), watch(t, file), watch(t, file)];
  await firstLook(folder);
  before.close();
  writeFileSync(file, 'b');
  await eventually('it is noticed', () => isNoticed(between) && isNoticed(after));
  between.close();
  for (const { clock } of [before, between, after]) await clock.advance(60_000);
  t.equal(before.changes, 0, 'closed before the change');
  t.equal(between.changes, 0, 'closed before it was quiet');
  t.equal(after.changes, 1);
});
