import t from 'tap';
import { Lifetime } from '../../src/upstream/lifetime.js';

/** @param others what its exchanges may go on to. */
function live(others: readonly Lifetime[] = []) {
  const seen = { ends: 0 };
  const lifetime = new Lifetime(
    () => others,
    () => (seen.ends += 1),
  );
  return { lifetime, seen };
}

t.test('an upstream that is retired ends at once where no exchange uses it', async (t) => {
  const { lifetime, seen } = live();
  lifetime.enter();
  lifetime.leave();
  t.equal(seen.ends, 0, 'it is still in force');
  lifetime.retire();
  t.equal(seen.ends, 1);
});

t.test('an upstream that is retired ends with its last exchange', async (t) => {
  const { lifetime, seen } = live();
  lifetime.enter();
  lifetime.enter();
  lifetime.retire();
  lifetime.leave();
  t.equal(seen.ends, 0);
  lifetime.leave();
  t.equal(seen.ends, 1);
});

t.test('an exchange keeps also those upstreams that it may go on to', async (t) => {
  const backup = live();
  const last = live();
  const middle = live([last.lifetime, backup.lifetime]);
  middle.lifetime.enter();
  for (const { lifetime } of [last, backup, middle]) lifetime.retire();
  t.same([middle.seen.ends, backup.seen.ends, last.seen.ends], [0, 0, 0]);
  middle.lifetime.leave();
  t.same([middle.seen.ends, backup.seen.ends, last.seen.ends], [1, 1, 1]);
});
