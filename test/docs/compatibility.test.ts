/** What users rely on changes only together with the changelog. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { chapterOf, findUnnamed, listChanges } from '../../tools/compatibility/changes.js';
import { format, takeSnapshot, type Snapshot } from '../../tools/compatibility/snapshot.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const parse = (file: string) => JSON.parse(read(file)) as Snapshot;

const changelog = read('CHANGELOG.md');
const unreleased = chapterOf(changelog, 'Unreleased') ?? '';

t.test('the snapshot is that of the code', async (t) => {
  t.equal(
    format(await takeSnapshot()),
    read('docs/compatibility/current.json'),
    'if the change is intended, run `npm run compatibility` and name it in CHANGELOG.md',
  );
});

t.test('the changelog names each change since the last release', async (t) => {
  const changes = listChanges(
    parse('docs/compatibility/released.json'),
    parse('docs/compatibility/current.json'),
  );
  t.same(
    findUnnamed(changes, unreleased).map(
      ({ section, name, kind }) => `${section}: ${name} ${kind}`,
    ),
    [],
    'add the names, in backquotes, to the chapter "Unreleased" of CHANGELOG.md',
  );
});

t.test('the snapshot has no empty section', async (t) => {
  const current = parse('docs/compatibility/current.json');
  for (const [section, entries] of Object.entries(current)) {
    t.not(Object.keys(entries).length, 0, section);
  }
  t.strictSame(current['options']?.['retry.maxAttempts'], {
    default: 3,
    minimum: 1,
    type: 'integer',
  });
  t.match(
    current['commands']?.['check --format'],
    /choices: "text", "json", "github", "sarif", default: "text"/,
  );
});

const before: Snapshot = {
  options: { retry: {}, 'retry.methods': { default: ['GET'] }, hedge: {}, 'hedge.delay': {} },
  headers: { 'Age to client': {} },
};
const after: Snapshot = {
  options: { retry: {}, 'retry.methods': { default: [] }, 'retry.x': {}, mode: {}, 'mode.y': {} },
  headers: {},
};

t.test('a change is told once, by the key that comes or goes as a whole', async (t) => {
  t.same(
    listChanges(before, after).map(({ name, kind }) => `${name} ${kind}`),
    [
      'retry.methods changed',
      'hedge removed',
      'retry.x added',
      'mode added',
      'Age to client removed',
    ],
  );
  t.same(listChanges(before, before), []);
});

/** Whether the text names the key. */
const names = (name: string, text: string) =>
  findUnnamed([{ section: 'options', name, kind: 'added' }], text).length === 0;

t.test('a name counts only as a whole and between backquotes', async (t) => {
  t.ok(names('retry.x', 'New: `retry.x: 3`.'));
  t.ok(names('check --strict', 'See `breakwater check --strict`.'));
  t.notOk(names('retry', 'There is a retry.'), 'plain text');
  t.notOk(names('retry', 'New: `retry.x`.'), 'a longer key');
  t.notOk(names('x', 'New: `retry.x`.'), 'a part of a key');
  t.notOk(names('open', 'New: `circuit-open`.'), 'a part of a reason');
});

t.test('a header is named without its direction', async (t) => {
  const changes = [{ section: 'headers', name: 'Age to client', kind: 'removed' }] as const;
  t.same(findUnnamed(changes, 'Gone: `Age`.'), []);
});

t.test('only the chapter of that name is read', async (t) => {
  const text = '# Log\n\n## Unreleased\n\nnew\n\n### Added\n\nmore\n\n## 1.0\n\nold\n';
  t.match(chapterOf(text, 'Unreleased'), /new[^]*more/);
  t.notMatch(chapterOf(text, 'Unreleased'), /old/);
  t.equal(chapterOf(text, '2.0'), undefined);
});
