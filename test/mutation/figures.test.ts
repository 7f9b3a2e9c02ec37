/** The score, and the list of mutants that no test can notice. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { findEquivalent, readEquivalents } from '../../tools/mutation/equivalent.js';
import { FOLDERS, findMutants } from '../../tools/mutation/mutants.js';
import { formatScores, percent, scores, type Status } from '../../tools/mutation/report.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));

const result = (file: string, status: Status) => ({
  file,
  line: 1,
  operator: 'condition',
  before: 'if (a)',
  after: 'if (true)',
  status,
});

t.test('equivalent mutants do not count', async (t) => {
  const rows = scores([
    result('src/core/a.ts', 'killed'),
    result('src/core/a.ts', 'equivalent'),
    result('src/http/a.ts', 'timed out'),
    result('src/http/a.ts', 'survived'),
    result('src/http/a.ts', 'survived'),
    result('src/http/a.ts', 'killed'),
  ]);
  t.equal(
    formatScores(rows),
    `| Folder | Mutants | Killed | Timed out | Survived | Equivalent | Score |
|---|---:|---:|---:|---:|---:|---:|
| \`src/core\` | 2 | 1 | 0 | 0 | 1 | 100.0% |
| \`src/http\` | 4 | 1 | 1 | 2 | 0 | 50.0% |
| all | 6 | 2 | 1 | 2 | 1 | 60.0% |`,
  );
});

t.test('a score is not rounded up', async (t) => {
  t.equal(percent(0.9599), '95.9%');
  t.equal(percent(1), '100.0%');
});

t.test('every mutant that is called equivalent exists, and is on the page', async (t) => {
  const mutants = FOLDERS.flatMap((folder) => findMutants(root, folder));
  const page = readFileSync(join(root, 'docs/quality.md'), 'utf8');
  const equivalents = readEquivalents(root);
  t.ok(mutants.length > 1000, 'there are mutants');
  for (const equivalent of equivalents) {
    const { file, before, after, reason } = equivalent;
    const isThere = mutants.some((mutant) => findEquivalent(mutant, [equivalent]) !== undefined);
    t.ok(isThere, `${file} has a mutant "${before}" -> "${after}"; if the line has changed, judge it anew`);
    t.ok(page.includes(reason), `docs/quality.md has the reason: ${reason}`);
  }
});
