/** Every test file has one process that runs it: its own, or that of a batch. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const read = (file: string) => readFileSync(join(root, file), 'utf8');

t.test('the folders that the runner leaves out are those of the batches', async (t) => {
  const { tap } = JSON.parse(read('package.json')) as { tap: { exclude: string[] } };
  const leftOut = tap.exclude.flatMap(
    (pattern) => /^dist\/test\/\{(.+)\}\/\*\*$/.exec(pattern)?.[1]?.split(',') ?? [],
  );
  const run = readdirSync(join(root, 'test/batches')).flatMap((name) => {
    const call = /runTogether\(([^)]+)\)/.exec(read(`test/batches/${name}`));
    return [...call![1]!.matchAll(/'(.+?)'/g)].map((match) => match[1]!);
  });
  t.same(run.toSorted(), leftOut.toSorted());
});
