/** `plural`: counts in messages. */
import t from 'tap';
import { plural } from '../../src/lib/plural.js';

t.test('uses the singular for 1 only', async (t) => {
  t.equal(plural(0, 'call'), '0 calls');
  t.equal(plural(1, 'call'), '1 call');
  t.equal(plural(2, 'call'), '2 calls');
});

t.test('takes an irregular plural', async (t) => {
  t.equal(plural(1, 'retry', 'retries'), '1 retry');
  t.equal(plural(2, 'retry', 'retries'), '2 retries');
});
