import t from 'tap';
import { createBreaks } from '../../src/telemetry/exposition/breaks.js';

function work(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

t.test('long work rests for three times as long as it worked', async (t) => {
  const takeBreak = createBreaks();
  await takeBreak();
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
  await takeBreak();
  t.ok(performance.now() - startedMs >= 38);
});

t.test('those who share it take turns, with calls in between', async (t) => {
  const takeBreak = createBreaks();
  let turn = 0;
  let next = setImmediate(function count() {
    turn++;
    next = setImmediate(count);
  });
  const turns: number[] = [];
  const takers = Array.from({ length: 5 }, async () => {
    for (let piece = 0; piece < 4; piece++) {
      await takeBreak();
      turns.push(turn);
    }
  });
  await Promise.all(takers);
  clearImmediate(next);
  t.equal(new Set(turns).size, 20, `of 20 pieces each has a turn of its own: ${turns.join()}`);
});
