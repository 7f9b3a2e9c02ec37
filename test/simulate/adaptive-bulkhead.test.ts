/** What bulkhead.adaptive promises, on minutes of simulated traffic. */
import t from 'tap';
import { scenario, searchBest, STATIC_LIMITS } from '../../bench/simulate/adaptive-bulkhead.js';
import { lognormal, mixed } from '../../bench/simulate/chance.js';
import { simulate, type Scenario } from '../../bench/simulate/simulation.js';

const adaptive = (overrides: Partial<Scenario> = {}, start = 20) =>
  simulate(scenario({ maxConcurrent: start, adaptive: {} }, overrides));

/** One stretch, after half a minute to settle, of an upstream that nothing happens to. */
const steady = (overrides: Partial<Scenario> = {}): Partial<Scenario> => ({
  changes: [],
  phases: [{ name: 'steady', fromMs: 30_000, toMs: 60_000 }],
  ...overrides,
});

const load = (perSecond: number) => ({
  callers: [{ name: 'all', perSecond, patienceMs: 1000 }],
});

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

t.test('with half of the capacity gone, goodput is that of the best static limits', async (t) => {
  for (const seed of [1, 2]) {
    const [results, best] = [
      await adaptive({ seed }),
      await searchBest({ seed }, [10, 12, 20, 24]),
    ];
    for (const [i, { name, calls }] of results.entries()) {
      const { limit, result } = best[i]!;
      const share = calls.goodput / result.calls.goodput;
      t.ok(share > 0.9, `${name}, seed ${seed}: ${share.toFixed(3)} of a limit of ${limit}`);
    }
  }
  t.ok([10, 12, 20, 24].every((limit) => STATIC_LIMITS.includes(limit)));
});

t.test(
  'in steady overload the limit stays within 30 % of its mean, and drifts nowhere',
  async (t) => {
    for (const seed of [3, 4]) {
      const [{ watched } = { watched: [] }] = await adaptive({
        ...steady({ seed }),
        phases: [{ name: 'steady', fromMs: 30_000, toMs: 120_000 }],
      });
      const middle = mean(watched);
      t.ok(Math.min(...watched) >= 0.7 * middle, `${Math.min(...watched)} of ${middle}`);
      t.ok(Math.max(...watched) <= 1.3 * middle, `${Math.max(...watched)} of ${middle}`);
      const [early, late] = [watched.slice(0, 300), watched.slice(-300)];
      t.ok(Math.abs(mean(late) - mean(early)) < 0.15 * middle, `${mean(early)} -> ${mean(late)}`);
    }
  },
);

t.test('under low load the limit does not collapse, and nobody waits', async (t) => {
  const [low] = await adaptive(steady(load(40)));
  t.ok(Math.min(...low!.watched) >= 20);
  t.equal(low!.calls.good, low!.calls.offered);
  t.ok(low!.calls.latencyMs(0.5) < 60, `${low!.calls.latencyMs(0.5)}`);
});

t.test('at a load just below the knee nearly every call is served', async (t) => {
  const [near] = await adaptive(steady(load(340)));
  t.ok(near!.calls.goodput > 0.99 * near!.calls.offeredPerSecond, `${near!.calls.goodput}`);
});

t.test('a burst of errors that load has not caused is got over', async (t) => {
  const changes = [
    { atMs: 30_000, to: { errorShare: 0.5 } },
    { atMs: 35_000, to: { errorShare: 0 } },
  ];
  const phases = [
    { name: 'before', fromMs: 15_000, toMs: 30_000 },
    { name: 'after', fromMs: 50_000, toMs: 65_000 },
  ];
  const [before, after] = await adaptive({ changes, phases });
  t.ok(after!.calls.goodput > 0.9 * before!.calls.goodput, `${after!.calls.goodput}`);
});

t.test('calls of two kinds, one much slower, do not fool it', async (t) => {
  const serviceMs = mixed(lognormal(20, 0.3), lognormal(320, 0.3), 0.1);
  const upstream = { ...scenario({}).upstream, serviceMs };
  const [above] = await adaptive(steady({ upstream }));
  t.ok(above!.calls.goodput > 0.9 * 400, `${above!.calls.goodput}`);
  const [below] = await adaptive(steady({ upstream, ...load(280) }));
  t.ok(below!.calls.goodput > 0.99 * below!.calls.offeredPerSecond, `${below!.calls.goodput}`);
});

t.test('an upstream that is slower for good keeps its calls', async (t) => {
  const changes = [{ atMs: 15_000, to: { serviceMs: lognormal(100, 0.5) } }];
  const [slower] = await adaptive(steady({ changes }));
  t.ok(slower!.calls.goodput > 0.9 * 200, `${slower!.calls.goodput}`);
});

t.test('a start far too high, in the middle of an overload, is mended', async (t) => {
  const phases = [{ name: 'later', fromMs: 40_000, toMs: 60_000 }];
  const [later] = await adaptive(steady({ phases }), 100);
  t.ok(Math.max(...later!.watched) < 40, `${Math.max(...later!.watched)}`);
  t.ok(later!.calls.goodput > 0.9 * 400, `${later!.calls.goodput}`);
});
