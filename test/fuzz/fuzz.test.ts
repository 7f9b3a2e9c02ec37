/** Each fuzz target for a short time, beginning with the inputs that longer runs have kept. `npm run fuzz` is the long form. */
import t from 'tap';
import { seededRandom } from '../support/faulty-upstream.js';
import { readCorpus } from './corpus.js';
import { describeFailure, fuzz } from './engine.js';
import { targets } from './targets/index.js';

const SECONDS = Number(process.env['FUZZ_SECONDS'] ?? 5);
const SEED = Number(process.env['FUZZ_SEED'] ?? 1);

t.test('an input that fails is found, and made as short as it can be', async (t) => {
  const { failure } = await fuzz(
    {
      name: 'planted',
      property: 'No input has a mistake in it.',
      seeds: ['some text'],
      words: ['mistake'],
      longest: 100,
      check(input) {
        if (input.includes('mistake')) throw new Error('planted');
      },
    },
    { seconds: 60, random: seededRandom(1), corpus: [] },
  );
  t.equal(failure?.input.toString(), 'mistake');
});

for (const target of targets) {
  t.test(`${target.name}: ${target.property}`, async (t) => {
    const result = await fuzz(target, {
      seconds: SECONDS,
      random: seededRandom(SEED),
      corpus: readCorpus(target.name),
    });
    const { failure } = result;
    t.equal(failure === undefined ? '' : describeFailure(target, failure), '');
    t.comment(`${result.runs} inputs, ${result.blocks} blocks of the program`);
  });
}
