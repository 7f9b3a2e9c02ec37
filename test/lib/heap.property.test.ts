import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import { Heap } from '../../src/lib/heap.js';

const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('put'), who: fc.nat(15), rank: fc.nat(40) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('delete'), who: fc.nat(15), rank: fc.nat(0) }),
  },
);

interface Item {
  readonly id: number;
  rank: number;
}

const isBefore = (a: Item, b: Item) => (a.rank === b.rank ? a.id < b.id : a.rank < b.rank);

t.test('has the member of the lowest rank first, whichever came, moved or left', async (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const items = Array.from({ length: 16 }, (_, id): Item => ({ id, rank: 0 }));
      const heap = new Heap(isBefore);
      const model = new Set<Item>();
      for (const { do: what, who, rank } of steps) {
        const item = items[who]!;
        if (what === 'put') {
          item.rank = rank;
          heap.put(item);
          model.add(item);
        } else {
          heap.delete(item);
          model.delete(item);
        }
        assert.equal(heap.size, model.size);
        const [first] = [...model].toSorted((a, b) => (isBefore(a, b) ? -1 : 1));
        assert.equal(heap.first, first);
      }
      // What is left comes out in order.
      const left = [...model].toSorted((a, b) => (isBefore(a, b) ? -1 : 1));
      for (const item of left) {
        assert.equal(heap.first, item);
        heap.delete(item);
      }
      assert.equal(heap.size, 0);
    }),
    { numRuns: 500 },
  );
  t.pass();
});
