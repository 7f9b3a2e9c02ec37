/** Overload against a plain model of its readings: none shed under the limits, `shed` of them beyond. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import { LOOK_MS } from '../../../src/policies/overload/loop-delay.js';
import { overload } from '../../../src/policies/overload/index.js';
import { fakeCall } from '../../support/fake-call.js';
import { FakeClock } from '../../support/fake-clock.js';

/** Small and good enough (mulberry32), so that a failure can be replayed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const call = fakeCall();
const to = { upstream: 'a', emit: () => {} };

const looks = fc.array(fc.record({ isLate: fc.boolean(), isFull: fc.boolean() }), {
  maxLength: 40,
});

t.test('sheds exactly when a model of the last readings says so', async (t) => {
  await fc.assert(
    fc.asyncProperty(looks, async (looks) => {
      const clock = new FakeClock();
      let usedBytes = 1;
      const changes: boolean[] = [];
      const made = overload.create(
        { mode: 'enforce', eventLoopDelay: 100, memory: 0.5, shed: 1 },
        {
          clock,
          random: () => 0.5,
          openMemory: () => () => ({ usedBytes, limitBytes: 100 }),
          onChange: ({ passed }) => changes.push(passed.length > 0),
        },
      )!;
      let expected = false;
      for (const [i, { isLate, isFull }] of looks.entries()) {
        usedBytes = isFull ? 51 : 50;
        if (isLate) clock.stall(LOOK_MS);
        await clock.advance(isLate ? 0 : LOOK_MS);
        const before = looks[i - 1];
        if (isFull || (isLate && (expected || before?.isLate === true))) expected = true;
        else if (!isLate && before?.isLate !== true && before?.isFull !== true) expected = false;
        assert.equal(made.refuse(call, to) !== undefined, expected, `reading ${i}`);
      }
      // One line in the log per change, never two of a kind.
      assert.deepEqual(
        changes,
        changes.map((_, i) => i % 2 === 0),
      );
      made.stop();
      assert.equal(clock.pending, 0);
    }),
  );
  t.pass();
});

t.test('sheds a share that comes to what is written, and none under the limits', async (t) => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer(), (shed, seed) => {
      const refused = (usedBytes: number) => {
        const made = overload.create(
          { mode: 'enforce', eventLoopDelay: 'off', memory: 0.5, shed },
          {
            clock: new FakeClock(),
            random: randomFrom(seed),
            openMemory: () => () => ({ usedBytes, limitBytes: 100 }),
            onChange: () => {},
          },
        )!;
        let count = 0;
        for (let i = 0; i < 10_000; i++) if (made.refuse(call, to) !== undefined) count++;
        return count / 10_000;
      };
      assert.equal(refused(50), 0);
      // Five standard deviations of a binomial share, at most 0.025.
      assert.ok(Math.abs(refused(51) - shed) <= 5 * Math.sqrt((shed * (1 - shed)) / 10_000) + 1e-4);
    }),
    { numRuns: 50 },
  );
  t.pass();
});
