/**
 * Fuzzes all targets, or one:
 *
 *   npm run fuzz [-- --seconds N] [--target NAME] [--seed N] [--keep]
 *
 * `--seconds` is the time for each target. `--keep` writes inputs that reached new parts of the program to the corpus. Ends with 1
 * if a property does not hold.
 */
import { parseArgs } from 'node:util';
import { seededRandom } from '../support/faulty-upstream.js';
import { keep, readCorpus } from './corpus.js';
import { describeFailure, fuzz } from './engine.js';
import { targets } from './targets/index.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    target: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    keep: { type: 'boolean', default: false },
  },
});
const chosen = targets.filter(({ name }) => values.target === undefined || name === values.target);
if (chosen.length === 0) {
  console.error(
    `Cannot fuzz ${values.target} because there are only the targets ${targets.map(({ name }) => name).join(', ')}`,
  );
  process.exit(1);
}
console.log(`seed ${values.seed}, ${values.seconds} s for each target`);
for (const target of chosen) {
  const result = await fuzz(target, {
    seconds: Number(values.seconds),
    random: seededRandom(Number(values.seed)),
    corpus: readCorpus(target.name),
  });
  console.log(
    `${target.name.padEnd(18)} ${String(result.runs).padStart(9)} inputs, ${result.blocks} blocks of the program, ${result.found.length} new inputs`,
  );
  if (values.keep) for (const input of result.found) keep(target.name, input);
  if (result.failure === undefined) continue;
  console.error(describeFailure(target, result.failure));
  process.exitCode = 1;
}
