import * as fc from 'fast-check';
import t from 'tap';
import { fault } from '../../../src/policies/fault/index.js';
import { fakeAttempt, fakeContext } from '../../support/fake-call.js';
import { FakeClock } from '../../support/fake-clock.js';
import { FakeStage } from '../../support/fake-stage.js';
import { settingsOf } from '../../support/settings.js';

const share = fc.double({ min: 0, max: 1, noNaN: true });
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

t.test('each attempt gets what its numbers say, and `first` of them at most', async () => {
  fc.assert(
    fc.property(
      share,
      share,
      share,
      fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
      fc.array(fc.tuple(chance, chance), { maxLength: 20 }),
      (delayed, aborted, broken, first, attempts) => {
        const numbers: number[] = [];
        const context = fakeContext(new FakeClock(), { random: () => numbers.shift()! });
        const options = settingsOf('fault', {
          delay: { share: delayed, time: 7 },
          abort: { share: aborted, status: 500 },
          reset: { share: broken },
          ...(first !== undefined && { first }),
        });
        const stage = fault.create({ fault: options }, context)!.wrap(new FakeStage());
        let given = 0;
        for (const drawn of attempts) {
          numbers.splice(0, numbers.length, ...drawn);
          const attempt = fakeAttempt();
          void stage.run(attempt);
          const { delayMs = 0, instead } = attempt.intervention ?? {};
          const [one, other] = drawn;
          const isOver = first !== undefined && given >= first;
          const end = other < aborted ? 'abort' : other < aborted + broken ? 'reset' : 'none';
          const isDelayed = !isOver && one < delayed;
          const expected = isOver ? 'none' : end;
          const seen = instead === undefined ? 'none' : instead === 'reset' ? 'reset' : 'abort';
          if (delayMs > 0 !== isDelayed || seen !== expected) return false;
          if (isDelayed || expected !== 'none') given += 1;
        }
        return context.events.length >= given;
      },
    ),
  );
});
