/** What the documents say of goodput under overload holds in the simulation. */
import { CAPACITY, runOverload } from '../../bench/simulate/overload.js';

const below = await runOverload(0.9, 0.3);
const aboveOff = await runOverload(1.2, 'off');
const above = await runOverload(1.2, 0.3);
const farAbove = { half: await runOverload(1.4, 0.5), third: await runOverload(1.4, 0.3) };

// From when it is loaded it follows each promise, and a simulation takes twice as long.
const { default: t } = await import('tap');

t.test('below its capacity the proxy sheds nothing', async (t) => {
  t.equal(below.rejectedPerSecond, 0);
  t.ok(below.p99Ms < 100);
});

t.test('a fifth above it, all callers give up without shedding and none with it', async (t) => {
  t.ok(aboveOff.goodput < 0.1 * CAPACITY, `${aboveOff.goodput}`);
  t.ok(above.goodput > 0.8 * CAPACITY, `${above.goodput}`);
  t.equal(above.gaveUpPerSecond, 0);
  t.ok(above.p99Ms < 700, `${above.p99Ms}`);
  t.ok(above.delayMs < 300, `${above.delayMs}`);
});

t.test('holds out longer the more it sheds, and has an end', async (t) => {
  const { half, third } = farAbove;
  t.ok(half.goodput > 0.65 * CAPACITY, `${half.goodput}`);
  t.equal(half.gaveUpPerSecond, 0);
  t.ok(third.goodput < 0.1 * CAPACITY, `${third.goodput}`);
});
