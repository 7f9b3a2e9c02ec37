import { array, assert, double, property } from 'fast-check';
import t from 'tap';
import { createSpanId, createTraceId } from '../../../src/telemetry/trace/ids.js';

const chance = double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

t.test('ids have the right length, and are never all zero', async (t) => {
  assert(
    property(array(chance, { minLength: 4, maxLength: 4 }), (values) => {
      let i = 0;
      const random = () => values[i++ % values.length]!;
      const traceId = createTraceId(random);
      const spanId = createSpanId(random);
      return (
        /^[0-9a-f]{32}$/.test(traceId) &&
        /[1-9a-f]/.test(traceId) &&
        /^[0-9a-f]{16}$/.test(spanId) &&
        /[1-9a-f]/.test(spanId)
      );
    }),
  );
  t.equal(
    createTraceId(() => 0),
    `${'0'.repeat(31)}1`,
  );
  t.equal(
    createSpanId(() => 1 - 2 ** -53),
    'f'.repeat(16),
  );
});

t.test('ids differ', async (t) => {
  const ids = new Set(Array.from({ length: 10_000 }, () => createSpanId(Math.random)));
  t.equal(ids.size, 10_000);
});
