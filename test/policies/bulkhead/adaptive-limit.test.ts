import * as fc from 'fast-check';
import t from 'tap';
import { loadText } from '../../../src/config/load.js';
import { AdaptiveLimit, stepGradient } from '../../../src/policies/bulkhead/adaptive-limit.js';
import type { AdaptiveLimitOptions } from '../../../src/policies/bulkhead/options.js';
import { bulkhead as policy, type BulkheadSettings } from '../../../src/policies/bulkhead/index.js';
import { fakeCall, fakeContext } from '../../support/fake-call.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { FakeStage } from '../../support/fake-stage.js';

const defaults: AdaptiveLimitOptions = {
  min: 5,
  max: 200,
  decreaseAbove: 0.2,
  increaseBelow: 0.05,
  window: 10_000,
};

/** A limit and an upstream that responds in steps: all slots in use, 40 responses per half second. */
function build(initial: number, options: Partial<AdaptiveLimitOptions> = {}) {
  const clock = new FakeClock();
  const adaptive = new AdaptiveLimit({ ...defaults, ...options }, initial, clock);
  /** @returns the limit after each half second. */
  async function feed(steps: number, latencyOf: (limit: number) => number, failures = 0, used = 1) {
    const limits: number[] = [];
    for (let i = 0; i < steps; i += 1) {
      await clock.advance(500);
      for (let j = 0; j < 40; j += 1) {
        adaptive.observeLatency(latencyOf(adaptive.limit), Math.floor(adaptive.limit * used));
        adaptive.observeResults([j < 40 - failures ? 'success' : 'failure']);
      }
      limits.push(adaptive.limit);
    }
    return limits;
  }
  return { clock, adaptive, feed };
}

/** Past its knee, only the line inside grows. */
const knee = (servers: number, serviceMs: number) => (limit: number) =>
  serviceMs * Math.max(1, limit / servers);

t.test('steps as Gradient2 does', async (t) => {
  const options = { tolerance: 1.5, queue: 4, smoothing: 0.2 };
  const step = (shortMs: number, inFlight = 100) =>
    Number(stepGradient(100, shortMs, 10, inFlight, options).toFixed(9));
  t.same(
    [10, 15, 20, 30, 60].map((ms) => step(ms)),
    [100.8, 100.8, 95.8, 90.8, 90.8],
  );
  t.same([step(60, 49), step(60, 50)], [100, 90.8]);
});

t.test('starts at maxConcurrent, within the bounds', async (t) => {
  t.equal(build(100).adaptive.limit, 100);
  t.equal(build(3).adaptive.limit, 5);
  t.equal(build(300).adaptive.limit, 200);
});

t.test('rises to max while latency stays as it is', async (t) => {
  const { adaptive, feed } = build(20, { max: 60 });
  await feed(120, () => 50);
  t.equal(adaptive.limit, 60);
});

t.test('stays near the knee of an upstream in overload', async (t) => {
  const { feed } = build(20);
  const limits = (await feed(600, knee(20, 50))).slice(100);
  t.ok(Math.min(...limits) >= 18, `${Math.min(...limits)}`);
  t.ok(Math.max(...limits) <= 30, `${Math.max(...limits)}`);
});

t.test('finds the knee from far above, although it never saw the upstream calm', async (t) => {
  const { feed } = build(160);
  const limits = await feed(300, knee(20, 50));
  t.ok(limits.at(-1)! <= 30, `${limits.at(-1)}`);
});

t.test('learns that an upstream has become slower for good, and leaves it its calls', async (t) => {
  const { feed } = build(20);
  await feed(100, knee(20, 50));
  const limits = await feed(200, knee(20, 150));
  t.ok(Math.min(...limits.slice(-100)) >= 18, `${Math.min(...limits.slice(-100))}`);
});

t.test('lets go of a normal that was too long', async (t) => {
  const { feed } = build(20);
  await feed(100, knee(20, 150));
  const limits = (await feed(400, knee(20, 50))).slice(-100);
  t.ok(Math.max(...limits) <= 30, `${Math.max(...limits)}`);
});

t.test('stays where it is while it is not half used, whatever latency does', async (t) => {
  const { adaptive, feed } = build(40);
  await feed(50, () => 50, 0, 0.4);
  await feed(50, () => 500, 0, 0.4);
  t.equal(adaptive.limit, 40);
  const limits = await feed(10, () => 500);
  t.equal(limits.at(-1), 40, 'the latency of that time is the normal one');
});

t.test('takes what it sees while it is not half used for normal, without a look', async (t) => {
  const { feed } = build(40);
  await feed(50, () => 50, 0, 0.4);
  await feed(50, () => 500, 0, 0.4);
  // A look needs all slots in use.
  const limits = await feed(20, () => 500, 0, 0.9);
  t.ok(Math.min(...limits) >= 40, `${Math.min(...limits)}`);
});

t.test(
  'falls by a third of what it had risen to until it takes longer latency for normal',
  async (t) => {
    const { adaptive, feed } = build(20, { max: 60 });
    await feed(200, () => 50, 0, 0.9);
    t.equal(adaptive.limit, 60);
    const limits = await feed(100, () => 150, 0, 0.9);
    t.ok(Math.min(...limits) >= 30, `${Math.min(...limits)}`);
    t.ok(Math.min(...limits) <= 39, `${Math.min(...limits)}`);
  },
);

t.test('falls by a third of where a look has left it', async (t) => {
  const { feed } = build(100);
  // The first look, after 10 s, finds latency lower with fewer calls: there was a queue.
  const [before, left] = (await feed(23, (limit) => limit)).slice(-5);
  t.ok(left! <= before! * 0.8, `from ${before} to ${left}`);
  const limits = await feed(60, () => 300, 0, 0.9);
  t.ok(Math.min(...limits) <= left! * 0.65, `from ${left} to ${Math.min(...limits)}`);
});

t.test('is not moved by a few slow calls of another kind', async (t) => {
  const { feed } = build(20, { max: 20 });
  let i = 0;
  // One in the first forty, three in the second.
  const slow = new Set([0, 40, 50, 60]);
  const limits = await feed(100, () => (slow.has(i++ % 80) ? 2000 : 20));
  t.ok(limits.filter((limit) => limit < 20).length < 30, 'only to look');
});

t.test('halves when too many attempts fail, at most twice per window', async (t) => {
  const { adaptive, feed } = build(100);
  await feed(20, () => 50, 0, 0.4);
  const limits = await feed(30, () => 50, 10, 0.4);
  t.same([...new Set(limits)], [100, 50, 25]);
  await feed(60, () => 50, 10, 0.4);
  t.equal(adaptive.limit, 5, 'down to min');
});

t.test('does not fall for a share of exactly decreaseAbove', async (t) => {
  const { adaptive, feed } = build(100);
  await feed(60, () => 50, 8, 0.4);
  t.equal(adaptive.limit, 100);
});

t.test('does not rise from increaseBelow on', async (t) => {
  const { adaptive, feed } = build(20);
  await feed(60, () => 50, 3);
  t.ok(adaptive.limit <= 20, `${adaptive.limit}`);
  await feed(60, () => 50, 1);
  t.ok(adaptive.limit > 30);
});

t.test('attempts that say nothing of the upstream do not count', async (t) => {
  const { clock, adaptive } = build(100);
  for (let i = 0; i < 100; i += 1) {
    await clock.advance(100);
    adaptive.observeResults(['cancelled']);
  }
  t.equal(adaptive.limit, 100);
});

t.test('is always a whole number within the bounds', async (t) => {
  const step = fc.record({
    ms: fc.integer({ min: 0, max: 3000 }),
    latencyMs: fc.double({ min: 0, max: 60_000, noNaN: true }),
    inFlight: fc.nat(300),
    responses: fc.nat(60),
    result: fc.constantFrom('success', 'failure', 'timeout', 'unsent', 'reset', 'cancelled'),
  } as const);
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.nat(300), async (steps, initial) => {
      const clock = new FakeClock();
      const adaptive = new AdaptiveLimit(defaults, initial, clock);
      for (const { ms, latencyMs, inFlight, responses, result } of steps) {
        await clock.advance(ms);
        for (let i = 0; i < responses; i += 1) {
          adaptive.observeLatency(latencyMs, inFlight);
          adaptive.observeResults([result]);
        }
        const { limit } = adaptive;
        if (!Number.isInteger(limit) || limit < 5 || limit > 200) return false;
      }
      return true;
    }),
    { numRuns: 100 },
  );
  t.pass();
});

type Options = Exclude<BulkheadSettings['bulkhead'], 'off'>;
const settings = (adaptive: Options['adaptive'], maxConcurrent = 20): BulkheadSettings => ({
  bulkhead: {
    mode: 'enforce',
    maxConcurrent,
    maxQueue: 0,
    queueTimeout: 1000,
    maxStreams: 'off',
    perKey: 'off',
    adaptive,
  },
});

/** Calls through the layer, each with a response after `ms` and these results of attempts. */
async function call(
  clock: FakeClock,
  layer: NonNullable<ReturnType<typeof policy.create>>,
  count: number,
  ms: number,
  results: readonly ('success' | 'failure')[] = ['success'],
) {
  const next = new FakeStage();
  const stage = layer.wrap(next);
  const replies = Array.from({ length: count }, () => stage.run(fakeCall()));
  await clock.advance(ms);
  for (const run of next.runs) {
    run.call.attempts = results.length;
    run.call.results.push(...results);
    run.respond({ isComplete: true, status: results.at(-1) === 'success' ? 200 : 503 });
  }
  await settle();
  await Promise.all(replies);
}

t.test('the bulkhead admits by the limit that moves, and shows it', async (t) => {
  const clock = new FakeClock();
  const layer = policy.create(settings(defaults), fakeContext(clock))!;
  t.equal(layer.bulkhead.limit, 20);
  for (let i = 0; i < 60; i += 1) await call(clock, layer, layer.bulkhead.limit, 100);
  t.ok(layer.bulkhead.limit > 25, `rises: ${layer.bulkhead.limit}`);
  const risen = layer.bulkhead.limit;
  for (let i = 0; i < 40; i += 1) await call(clock, layer, layer.bulkhead.limit, 100, ['failure']);
  t.ok(layer.bulkhead.limit <= risen / 2, `falls: ${layer.bulkhead.limit}`);
  const { limit } = layer.bulkhead;
  const stage = layer.wrap(new FakeStage());
  for (let i = 0; i < limit; i += 1) void stage.run(fakeCall());
  await t.rejects(stage.run(fakeCall()), {
    message: `Cannot admit GET to catalog because all ${limit} slots of its bulkhead are taken and 0 calls wait already`,
  });
});

t.test(
  'the time of later attempts and of back-off is no latency, but each attempt is a result',
  async (t) => {
    const clock = new FakeClock();
    const layer = policy.create(settings(defaults), fakeContext(clock))!;
    for (let i = 0; i < 8; i += 1) await call(clock, layer, 20, 100);
    const before = layer.bulkhead.limit;
    await call(clock, layer, 20, 2000, ['failure', 'success']);
    await call(clock, layer, 20, 2000, ['failure', 'success']);
    t.ok(layer.bulkhead.limit >= before, 'responses that seem slow are not');
    await call(clock, layer, 20, 2000, ['failure', 'success']);
    t.ok(layer.bulkhead.limit <= before / 2 + 1, 'more than a fifth of all attempts have failed');
  },
);

t.test('a reload leaves the limit where it is, and bounds it anew', async (t) => {
  const clock = new FakeClock();
  const context = fakeContext(clock);
  const first = policy.create(settings(defaults), context)!;
  for (let i = 0; i < 60; i += 1) await call(clock, first, first.bulkhead.limit, 100);
  const { limit } = first.bulkhead;
  const second = policy.create(settings(defaults, 77), context, first)!;
  t.equal(second.bulkhead.limit, limit);
  const third = policy.create(settings({ ...defaults, max: 10 }), context, second)!;
  t.equal(third.bulkhead.limit, 10);
  const fourth = policy.create(settings('off'), context, third)!;
  t.equal(fourth.bulkhead.limit, 20);
  t.equal(policy.create(settings(defaults, 30), context, fourth)!.bulkhead.limit, 30);
});

const read = (bulkhead: string) =>
  loadText(`upstreams: { a: { listen: 1, target: 'http://a', bulkhead: ${bulkhead} } }`, 'f', {})
    .config!.upstreams[0]!.policies.bulkhead as Options;

t.test('is off unless it is written, and has its defaults then', async (t) => {
  t.equal(read('{ maxQueue: 1 }').adaptive, 'off');
  t.same(read('{ adaptive: {} }').adaptive, defaults);
});
