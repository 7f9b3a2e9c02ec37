/** Virtual time: what is due runs in order, and what it settles comes before the next. */
import * as fc from 'fast-check';
import t from 'tap';
import { VirtualClock } from '../../src/simulation/virtual-clock.js';

t.test(
  'a promise that an event settles goes on before the next event, however long its chain',
  async (t) => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    async function chain(): Promise<void> {
      for (let i = 0; i < 50; i += 1) await Promise.resolve();
      seen.push(`chain at ${clock.now()}`);
    }
    clock.schedule(10, () => void chain());
    clock.schedule(11, () => seen.push('next'));
    await clock.run(20);
    t.same(seen, ['chain at 10', 'next']);
  },
);

t.test('an event may set further ones, also for the same time', async (t) => {
  const clock = new VirtualClock();
  const seen: number[] = [];
  clock.schedule(5, () => {
    clock.schedule(0, () => seen.push(clock.now()));
    clock.schedule(-1, () => seen.push(clock.now()));
  });
  await clock.run(5);
  t.same(seen, [5, 5]);
});

t.test('time never goes back', async (t) => {
  const clock = new VirtualClock();
  await clock.run(50);
  await clock.run(20);
  t.equal(clock.now(), 50);
});

t.test('what an event throws ends the run', async (t) => {
  const clock = new VirtualClock();
  clock.schedule(1, () => {
    throw new Error('broken');
  });
  await t.rejects(clock.run(2), /broken/);
});

t.test('cancelled timers are dropped long before their time', async (t) => {
  const clock = new VirtualClock();
  const kept = [1, 2, 3];
  const seen: number[] = [];
  for (const ms of kept) clock.schedule(100_000 + ms, () => seen.push(ms));
  for (let i = 0; i < 100_000; i += 1) clock.schedule(100_000, () => seen.push(-1)).cancel();
  t.ok(clock.size < 5000, `${clock.size}`);
  await clock.run(200_000);
  t.same(seen, kept);
  t.equal(clock.size, 0);
});

t.test('runs the same as a sorted list does, whatever is set and cancelled', async (t) => {
  const timers = fc.array(fc.record({ atMs: fc.nat(50), isCancelled: fc.boolean() }), {
    maxLength: 60,
  });
  await fc.assert(
    fc.asyncProperty(timers, async (list) => {
      const clock = new VirtualClock();
      const seen: number[] = [];
      for (const [i, { atMs, isCancelled }] of list.entries()) {
        const timer = clock.schedule(atMs, () => seen.push(i));
        if (isCancelled) timer.cancel();
        if (isCancelled) timer.cancel();
      }
      await clock.run(50);
      const expected = [...list.entries()]
        .filter(([, { isCancelled }]) => !isCancelled)
        .toSorted(([i, a], [j, b]) => a.atMs - b.atMs || i - j)
        .map(([i]) => i);
      t.same(seen, expected);
    }),
    { numRuns: 100 },
  );
});
