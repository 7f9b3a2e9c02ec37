/** What bulkhead.adaptive promises, on minutes of simulated traffic. */
import { scenario, searchBest } from '../../bench/simulate/adaptive-bulkhead.js';
import { lognormal, mixed } from '../../src/simulation/chance.js';
import { simulate, type Scenario } from '../../bench/simulate/simulation.js';

const adaptive = (overrides: Partial<Scenario> = {}, start = 20) =>
  simulate(scenario({ maxConcurrent: start, adaptive: {} }, overrides));

/** One stretch, after a quarter of a minute to settle, of an upstream that nothing happens to. */
const steady = (overrides: Partial<Scenario> = {}): Partial<Scenario> => ({
  changes: [],
  phases: [{ name: 'steady', fromMs: 15_000, toMs: 30_000 }],
  ...overrides,
});

const load = (perSecond: number) => ({
  callers: [{ name: 'all', perSecond, patienceMs: 1000 }],
});

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

// Nothing has to settle where nothing moves.
const best = await searchBest(
  {
    changes: [{ atMs: 11_000, to: { servers: 10 } }],
    phases: [
      { name: 'before', fromMs: 2_000, toMs: 11_000 },
      { name: 'during', fromMs: 13_000, toMs: 22_000 },
    ],
  },
  // Those that the search among all of STATIC_LIMITS finds, for either capacity.
  [12, 24],
);

const outage = await adaptive({
  changes: [
    { atMs: 25_000, to: { servers: 10 } },
    { atMs: 85_000, to: { servers: 20 } },
  ],
  phases: [
    { name: 'before', fromMs: 10_000, toMs: 25_000 },
    { name: 'during', fromMs: 25_000, toMs: 85_000 },
    { name: 'after', fromMs: 85_000, toMs: 100_000 },
  ],
});

const [overloaded] = await adaptive(
  steady({ seed: 1, phases: [{ name: 'steady', fromMs: 15_000, toMs: 45_000 }] }),
);

const [low] = await adaptive(steady(load(40)));
const [near] = await adaptive(steady(load(340)));

const [beforeErrors, afterErrors] = await adaptive({
  changes: [
    { atMs: 20_000, to: { errorShare: 0.5 } },
    { atMs: 25_000, to: { errorShare: 0 } },
  ],
  phases: [
    { name: 'before', fromMs: 10_000, toMs: 20_000 },
    { name: 'after', fromMs: 40_000, toMs: 50_000 },
  ],
});

const ofTwoKinds = {
  ...scenario({}).upstream,
  serviceMs: mixed(lognormal(20, 0.3), lognormal(320, 0.3), 0.1),
};
const [mixedAbove] = await adaptive(steady({ upstream: ofTwoKinds }));
const [mixedBelow] = await adaptive(steady({ upstream: ofTwoKinds, ...load(280) }));

const [slower] = await adaptive(
  steady({ changes: [{ atMs: 5_000, to: { serviceMs: lognormal(100, 0.5) } }] }),
);

const [fromFarTooHigh] = await adaptive(
  steady({ phases: [{ name: 'later', fromMs: 35_000, toMs: 45_000 }] }),
  100,
);

// From when it is loaded it follows each promise, and a simulation takes twice as long.
const { default: t } = await import('tap');

t.test('with half of the capacity gone, goodput is that of the best static limits', async (t) => {
  t.same(
    best.map(({ limit }) => limit),
    [24, 12],
  );
  for (const { name, calls } of outage) {
    const goodput = best[name === 'during' ? 1 : 0]!.result.calls.goodput;
    const share = calls.goodput / goodput;
    t.ok(share > 0.9, `${name}: ${share.toFixed(3)}`);
  }
});

t.test(
  'in steady overload the limit stays within 30% of its mean, and drifts nowhere',
  async (t) => {
    const { watched } = overloaded!;
    const middle = mean(watched);
    t.ok(Math.min(...watched) >= 0.7 * middle, `${Math.min(...watched)} of ${middle}`);
    t.ok(Math.max(...watched) <= 1.3 * middle, `${Math.max(...watched)} of ${middle}`);
    const [early, late] = [mean(watched.slice(0, 120)), mean(watched.slice(-120))];
    t.ok(Math.abs(late - early) < 0.15 * middle, `${early} -> ${late}`);
  },
);

t.test('under low load the limit does not collapse, and no call waits', async (t) => {
  t.ok(Math.min(...low!.watched) >= 20);
  t.equal(low!.calls.good, low!.calls.offered);
  t.ok(low!.calls.latencyMs(0.5) < 60, `${low!.calls.latencyMs(0.5)}`);
});

t.test('at a load just below the knee nearly every call is served', async (t) => {
  t.ok(near!.calls.goodput > 0.97 * near!.calls.offeredPerSecond, `${near!.calls.goodput}`);
});

t.test('a burst of errors that load has not caused is got over', async (t) => {
  const { goodput } = afterErrors!.calls;
  t.ok(goodput > 0.9 * beforeErrors!.calls.goodput, `${goodput}`);
});

t.test('calls of two kinds, one much slower, do not fool it', async (t) => {
  t.ok(mixedAbove!.calls.goodput > 0.9 * 400, `${mixedAbove!.calls.goodput}`);
  const { goodput, offeredPerSecond } = mixedBelow!.calls;
  t.ok(goodput > 0.99 * offeredPerSecond, `${goodput}`);
});

t.test('an upstream that is slower for good keeps its calls', async (t) => {
  t.ok(slower!.calls.goodput > 0.9 * 200, `${slower!.calls.goodput}`);
});

t.test('a start far too high, in the middle of an overload, is mended', async (t) => {
  const { watched, calls } = fromFarTooHigh!;
  t.ok(Math.max(...watched) < 40, `${Math.max(...watched)}`);
  t.ok(calls.goodput > 0.9 * 400, `${calls.goodput}`);
});
