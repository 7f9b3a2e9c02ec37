/** The score, and the list of mutants that no test can notice. */
import { fileURLToPath } from 'node:url';
import t from 'tap';
import {
  equivalentTable,
  findEquivalent,
  readEquivalents,
} from '../../tools/mutation/equivalent.js';
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

t.test('every mutant that is called equivalent exists', async (t) => {
  const mutants = FOLDERS.flatMap((folder) => findMutants(root, folder));
  t.ok(mutants.length > 1000, 'there are mutants');
  for (const equivalent of readEquivalents(root)) {
    const { file, before, after } = equivalent;
    const found = mutants.filter((mutant) => findEquivalent(mutant, [equivalent]) !== undefined);
    t.equal(
      found.length,
      1,
      `${file} has one mutant "${before}" -> "${after}"; if the line has changed, judge it anew`,
    );
  }
});

t.test('a table of them shows code as code', async (t) => {
  const entry = { file: 'src/a.ts', before: 'a || b', after: 'a && b', reason: 'b is a.' };
  t.equal(
    equivalentTable([entry]).split('\n').at(-1),
    '| `src/a.ts` | `a \\|\\| b` | `a && b` | b is a. |',
  );
});
