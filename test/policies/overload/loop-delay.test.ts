import t from 'tap';
import { LOOK_MS, SAMPLE_MS, watchLoopDelay } from '../../../src/policies/overload/loop-delay.js';
import { FakeClock } from '../../support/fake-clock.js';

function watch() {
  const clock = new FakeClock();
  const readings: number[] = [];
  const timer = watchLoopDelay(clock, (delayMs) => readings.push(delayMs));
  /** The loop is busy for `ms`, then runs what is due. */
  const stall = async (ms: number) => {
    clock.stall(ms);
    await clock.advance(0);
  };
  return { clock, readings, timer, stall };
}

t.test('reads nothing but zeros while the loop is idle, four times a second', async (t) => {
  const { clock, readings } = watch();
  await clock.advance(1000);
  t.same(readings, [0, 0, 0, 0]);
});

t.test('reads a steady delay as it is, within a sample', async (t) => {
  const { readings, stall } = watch();
  for (let i = 0; i < 10; i++) await stall(120);
  t.ok(readings.length >= 3);
  for (const reading of readings) {
    t.ok(reading <= 120 && reading >= 120 - SAMPLE_MS, `${reading} ms`);
  }
});

t.test('weighs a stall by the time it covers, however few samples it leaves', async (t) => {
  const { clock, readings, stall } = watch();
  await clock.advance(LOOK_MS - 50);
  await stall(200);
  // 200 ms of 400 ms were 190 ms late: a mean of samples would say 9 ms.
  t.same(readings, [95]);
});

t.test('forgets a stall with the reading that told of it', async (t) => {
  const { clock, readings, stall } = watch();
  await stall(3000);
  await clock.advance(500);
  t.same(readings, [2990, 0, 0]);
});

t.test('leaves no timer behind, not even when it is ended from within a reading', async (t) => {
  const { clock, timer } = watch();
  t.equal(clock.pending, 1);
  timer.cancel();
  t.equal(clock.pending, 0);
  const inner = watchLoopDelay(clock, () => inner.cancel());
  await clock.advance(LOOK_MS);
  t.equal(clock.pending, 0);
});
