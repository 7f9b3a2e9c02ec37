/** The simulated world obeys the laws that are known of such worlds. */
import t from 'tap';
import { constant, exponential, lognormal, seeded } from '../../src/simulation/chance.js';
import { simulate, type Scenario } from '../../bench/simulate/simulation.js';
import { VirtualClock } from '../../src/simulation/virtual-clock.js';

/** Half-loaded, without any policy in the way. */
const scenario = (overrides: Partial<Scenario> = {}): Scenario => ({
  seed: 7,
  policies: {
    bulkhead: 'off',
    retry: 'off',
    circuitBreaker: 'off',
    timeout: 'off',
    deadline: 'off',
  },
  upstream: { servers: 1, serviceMs: exponential(10) },
  callers: [{ name: 'all', perSecond: 50, patienceMs: 60_000 }],
  phases: [{ name: 'all', fromMs: 0, toMs: 200_000 }],
  ...overrides,
});

const isNear = (value: number, expected: number, share: number) =>
  Math.abs(value - expected) <= share * expected;

t.test('responses take as long as queueing theory says (M/M/1)', async (t) => {
  const [all] = await simulate(scenario());
  // At half load the time in the system is exponential with a mean of 10 ms / (1 - 0.5).
  t.ok(isNear(all!.calls.latencyMs(0.5), 20 * Math.log(2), 0.1), `${all!.calls.latencyMs(0.5)}`);
  t.ok(isNear(all!.calls.latencyMs(0.99), 20 * Math.log(100), 0.15));
  t.ok(isNear(all!.calls.goodput, 50, 0.05));
  t.ok(isNear(all!.upstream.workMs, 100_000, 0.05));
  t.equal(all!.upstream.wastedMs, 0);
});

async function figures(seed: number) {
  const [all] = await simulate(
    scenario({ seed, phases: [{ name: 'all', fromMs: 0, toMs: 5000 }] }),
  );
  return [all!.calls.offered, all!.calls.latencyMs(0.99), all!.upstream];
}

t.test('the same seed gives the same figures, another one others', async (t) => {
  t.same(await figures(1), await figures(1));
  t.notSame(await figures(1), await figures(2));
});

t.test('an upstream works on for callers that have gone, and that counts as waste', async (t) => {
  const [all] = await simulate(
    scenario({
      upstream: { servers: 2, serviceMs: constant(100) },
      callers: [{ name: 'hasty', perSecond: 5, patienceMs: 60 }],
      phases: [{ name: 'all', fromMs: 0, toMs: 20_000 }],
    }),
  );
  t.equal(all!.calls.good, 0);
  t.equal(all!.calls.failed, all!.calls.offered);
  t.equal(all!.upstream.wastedMs, all!.upstream.workMs);
});

t.test('changes come at their time, and phases are counted apart', async (t) => {
  const [before, after] = await simulate(
    scenario({
      changes: [{ atMs: 10_000, to: { errorShare: 1 } }],
      phases: [
        { name: 'before', fromMs: 0, toMs: 9_000 },
        { name: 'after', fromMs: 10_500, toMs: 20_000 },
      ],
    }),
  );
  t.equal(before!.calls.failed, 0);
  t.equal(after!.calls.good, 0);
});

t.test('a full upstream refuses, and the policies are the real ones', async (t) => {
  const upstream = { servers: 1, serviceMs: constant(100), maxWaiting: 0 };
  const [bare] = await simulate(scenario({ upstream }));
  t.ok(isNear(bare!.calls.goodput, 8.3, 0.1), 'Erlang B: a share of 1 / (1 + 5) finds it free');
  t.equal(bare!.calls.rejected, 0);
  const bulkhead = { maxConcurrent: 1, maxQueue: 0 };
  const [guarded] = await simulate(
    scenario({ upstream, policies: { ...scenario().policies, bulkhead } }),
  );
  t.equal(guarded!.calls.goodput, bare!.calls.goodput);
  t.equal(guarded!.calls.failed, 0);
  t.equal(guarded!.calls.reasons.get('bulkhead-full'), guarded!.calls.rejected);
});

t.test('callers are counted apart', async (t) => {
  const [all] = await simulate(
    scenario({
      callers: [
        { name: 'a', perSecond: 10, patienceMs: 1000 },
        { name: 'b', perSecond: (nowMs) => (nowMs < 100_000 ? 0 : 20), patienceMs: 1000 },
      ],
    }),
  );
  t.ok(isNear(all!.callsOf('a').offered, 2000, 0.1));
  t.ok(isNear(all!.callsOf('b').offered, 2000, 0.1));
  t.equal(all!.callsOf('a').offered + all!.callsOf('b').offered, all!.calls.offered);
});

t.test('says what is wrong with the policies of a scenario', async (t) => {
  await t.rejects(simulate(scenario({ policies: { bulkhed: 'off' } })), /bulkhead/);
});

t.test('the clock runs what is due in order, and what that settles before the next', async (t) => {
  const clock = new VirtualClock();
  const seen: (string | number)[] = [];
  clock.schedule(20, () => seen.push('later'));
  clock.schedule(10, () => void Promise.resolve().then(() => seen.push('settled', clock.now())));
  clock.schedule(10, () => seen.push('same time'));
  clock.schedule(15, () => seen.push('cancelled')).cancel();
  clock.schedule(31, () => seen.push('too late'));
  await clock.run(30);
  t.same(seen, ['settled', 10, 'same time', 'later']);
  t.equal(clock.now(), 30);
});

t.test('distributions have the mean they are asked for', async (t) => {
  for (const draw of [exponential(40), lognormal(40, 0.8), constant(40)]) {
    const random = seeded(3);
    let sum = 0;
    for (let i = 0; i < 50_000; i += 1) sum += draw(random);
    t.ok(isNear(sum / 50_000, 40, 0.03), `${sum / 50_000}`);
  }
});
