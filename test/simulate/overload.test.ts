/** What the README's page on overload says of goodput holds in the simulation. */
import t from 'tap';
import { CAPACITY, runOverload } from '../../bench/simulate/overload.js';

t.test('below its capacity the proxy sheds nothing', async (t) => {
  const on = await runOverload(0.9, 0.3);
  t.equal(on.rejectedPerSecond, 0);
  t.ok(on.p99Ms < 100);
});

t.test('a fifth above it, all callers give up without shedding and none with it', async (t) => {
  const off = await runOverload(1.2, 'off');
  t.ok(off.goodput < 0.1 * CAPACITY, `${off.goodput}`);
  const on = await runOverload(1.2, 0.3);
  t.ok(on.goodput > 0.8 * CAPACITY, `${on.goodput}`);
  t.equal(on.gaveUpPerSecond, 0);
  t.ok(on.p99Ms < 700, `${on.p99Ms}`);
  t.ok(on.delayMs < 300, `${on.delayMs}`);
});

t.test('holds out longer the more it sheds, and has an end', async (t) => {
  const half = await runOverload(1.4, 0.5);
  t.ok(half.goodput > 0.65 * CAPACITY, `${half.goodput}`);
  t.equal(half.gaveUpPerSecond, 0);
  const third = await runOverload(1.4, 0.3);
  t.ok(third.goodput < 0.1 * CAPACITY, `${third.goodput}`);
});
