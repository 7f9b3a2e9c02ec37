import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import { WrongTokens } from '../../src/admin/wrong-tokens.js';
import { FakeClock } from '../support/fake-clock.js';

const step = fc.oneof(
  fc.record({ pass: fc.constantFrom(1, 400, 1000, 59_000, 60_000) }),
  fc.record({ peer: fc.constantFrom('a', 'b'), isRight: fc.boolean() }),
);

/** All that has happened, in no other form than as it came: slow, and plain. */
class Model {
  readonly #wrong: { readonly peer: string; readonly atMs: number }[] = [];
  readonly #waits: { readonly peer: string; readonly atMs: number }[] = [];

  /** How many wrong tokens came, none more than a minute after the one before. */
  wrongInRow(peer: string, nowMs: number): number {
    let fromMs = nowMs;
    let count = 0;
    for (const { atMs } of this.#wrong.filter((each) => each.peer === peer).toReversed()) {
      if (fromMs - atMs >= 60_000) break;
      fromMs = atMs;
      count++;
    }
    return count;
  }

  waiting = (peer: string, nowMs: number) =>
    this.#waits.filter((each) => each.peer === peer && nowMs - each.atMs < 1000).length;

  noteWrong = (peer: string, atMs: number) => void this.#wrong.push({ peer, atMs });
  noteWait = (peer: string, atMs: number) => void this.#waits.push({ peer, atMs });
}

t.test('slows a peer down as a plain list of all that has happened says', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 120 }), async (steps) => {
      const clock = new FakeClock();
      const model = new Model();
      const counted: string[] = [];
      const expected: string[] = [];
      const tokens = new WrongTokens({ clock, count: (why) => counted.push(why) });
      const judge = (peer: string, isRight: boolean) => {
        if (isRight) return;
        const before = model.wrongInRow(peer, clock.now());
        assert.equal(tokens.note(peer), before + 1);
        model.noteWrong(peer, clock.now());
        expected.push(before >= 10 ? 'limited' : 'wrong');
      };
      for (const each of steps) {
        if ('pass' in each) {
          await clock.advance(each.pass);
          continue;
        }
        const { peer, isRight } = each;
        const nowMs = clock.now();
        const turn = tokens.turnOf(peer);
        if (model.wrongInRow(peer, nowMs) < 10) {
          assert.equal(turn, undefined);
          judge(peer, isRight);
        } else if (model.waiting(peer, nowMs) >= 10) {
          assert.equal(turn, false);
          expected.push('unchecked');
        } else {
          assert.ok(turn instanceof Promise);
          model.noteWait(peer, nowMs);
          void turn.then(() => judge(peer, isRight));
        }
      }
      await clock.advance(1000);
      assert.deepEqual(counted, expected);
      assert.equal(clock.pending, 0);
    }),
  );
});

t.test(
  'remembers a thousand peers, and forgets the one that has been wrong least lately',
  async (t) => {
    const clock = new FakeClock();
    const tokens = new WrongTokens({ clock, count: () => {} });
    const bother = (peer: string) => {
      for (let i = 0; i < 10; i++) tokens.note(peer);
    };
    bother('first');
    bother('second');
    for (let i = 0; i < 998; i++) tokens.note(`peer-${i}`);
    t.ok(tokens.turnOf('first'), 'a thousand have room');
    tokens.note('first');
    tokens.note('one more');
    t.ok(tokens.turnOf('first'));
    t.equal(tokens.turnOf('second'), undefined);
  },
);
