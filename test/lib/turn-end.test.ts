import t from 'tap';
import { TurnEnd } from '../../src/lib/turn-end.js';

/** A turn that ends when the test says so. */
function open() {
  const ends: (() => void)[] = [];
  const turn = new TurnEnd((callback) => void ends.push(callback));
  const done: string[] = [];
  const add = (name: string) => turn.add(() => void done.push(name));
  return { turn, add, done, ends, end: () => ends.shift()!() };
}

t.test('work at the end of a turn', async (t) => {
  t.test('is done in order, at one end', async (t) => {
    const { add, done, ends, end } = open();
    for (const name of ['a', 'b', 'c']) add(name);
    t.same(done, []);
    t.equal(ends.length, 1);
    end();
    t.same(done, ['a', 'b', 'c']);
    add('d');
    end();
    t.same(done, ['a', 'b', 'c', 'd']);
    t.equal(ends.length, 0);
  });

  t.test('makes work for the next turn', async (t) => {
    const { turn, add, done, ends, end } = open();
    turn.add(() => add('later'));
    add('first');
    end();
    t.same(done, ['first']);
    t.equal(ends.length, 1);
    end();
    t.same(done, ['first', 'later']);
  });

  t.test('goes on after a task that throws', async (t) => {
    const { turn, add, done, ends, end } = open();
    add('a');
    turn.add(() => {
      throw new Error('broken');
    });
    add('b');
    add('c');
    t.throws(end, { message: 'broken' });
    t.same(done, ['a']);
    t.equal(ends.length, 1);
    end();
    t.same(done, ['a', 'b', 'c']);
  });
});
