import t from 'tap';
import { createBreaks } from '../../src/telemetry/exposition/breaks.js';

function work(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

t.test('long work rests for three times as long as it worked', async (t) => {
  const takeBreak = createBreaks();
  for (const ms of [5, 10]) {
    work(ms);
    const startedMs = performance.now();
    await takeBreak();
    const restedMs = performance.now() - startedMs;
    // Node's timers count whole milliseconds.
    t.ok(restedMs >= 3 * ms - 2, `${restedMs} ms`);
  }
});

t.test('what others do in a break counts as work', async (t) => {
  const takeBreak = createBreaks();
  setImmediate(() => work(10));
  const startedMs = performance.now();
  await takeBreak();
  t.ok(performance.now() - startedMs >= 38);
});
