import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import { SlidingWindow } from '../../src/lib/sliding-window.js';

const steps = fc.array(
  fc.record({
    afterMs: fc.oneof(fc.nat(300), fc.nat(3000)),
    isFailure: fc.boolean(),
    isSlow: fc.boolean(),
    isRead: fc.boolean(),
  }),
  { maxLength: 200 },
);

t.test('agrees with a list of everything that was ever recorded', async (t) => {
  fc.assert(
    fc.property(steps, (steps) => {
      const window = new SlidingWindow(1000);
      const records: { bucket: number; isFailure: boolean; isSlow: boolean }[] = [];
      let nowMs = 0;
      for (const { afterMs, isFailure, isSlow, isRead } of steps) {
        nowMs += afterMs;
        const bucket = Math.floor(nowMs / 100);
        if (!isRead) {
          window.record(nowMs, isFailure, isSlow);
          records.push({ bucket, isFailure, isSlow });
        }
        const live = records.filter((record) => record.bucket > bucket - 10);
        const { total, failures, slow } = window.counts(nowMs);
        assert.equal(total, live.length);
        assert.equal(failures, live.filter((record) => record.isFailure).length);
        assert.equal(slow, live.filter((record) => record.isSlow).length);
      }
    }),
  );
  t.pass();
});
