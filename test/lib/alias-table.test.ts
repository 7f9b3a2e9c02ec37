import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import { AliasTable } from '../../src/lib/alias-table.js';

t.test('an index owns as much of the range of random numbers as its weight says', async (t) => {
  const weights = fc.array(
    fc.oneof(fc.integer({ min: 1, max: 9 }), fc.double({ min: 0.1, max: 1000, noNaN: true })),
    {
      minLength: 1,
      maxLength: 40,
    },
  );
  fc.assert(
    fc.property(weights, (weights) => {
      const table = new AliasTable(weights);
      const samples = 1000 * weights.length;
      const counts = weights.map(() => 0);
      for (let i = 0; i < samples; i++) counts[table.draw((i + 0.5) / samples)]!++;
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (const [index, weight] of weights.entries()) {
        const wanted = (weight / total) * samples;
        // Each column has one border at which a sample may fall to either side.
        assert.ok(
          Math.abs(counts[index]! - wanted) <= weights.length + 1,
          `${counts.join()} of ${weights.join()}`,
        );
      }
    }),
  );
  t.pass();
});
