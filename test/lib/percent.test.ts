import t from 'tap';
import { formatPercent } from '../../src/lib/percent.js';

t.test('writes a share with three digits at most', async (t) => {
  t.equal(formatPercent(0), '0%');
  t.equal(formatPercent(0.0001), '0.01%');
  t.equal(formatPercent(0.07), '7%');
  t.equal(formatPercent(0.5), '50%');
  t.equal(formatPercent(2 / 3), '66.7%');
  t.equal(formatPercent(1), '100%');
});
