/** A rate limit in shadow. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import type { Call } from '../../../src/core/call.js';
import { rateLimit, type RateLimitSettings } from '../../../src/policies/rate-limit/index.js';
import { fakeCall, fakeContext } from '../../support/fake-call.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { clientGone, failureOf, FakeStage } from '../../support/fake-stage.js';
import { FakeStore } from '../../support/fake-store.js';
import { settingsOf } from '../../support/settings.js';

type Options = Exclude<RateLimitSettings['rateLimit'], 'off'>;

const perKey = { header: 'X-Api-Key', rate: 1, burst: 2 };

function build(options: Partial<Options> = {}, clock = new FakeClock()) {
  const store = new FakeStore(clock);
  const context = fakeContext(clock, { store });
  const next = new FakeStage();
  const create = (changes: Partial<Options>, previous?: ReturnType<typeof rateLimit.create>) =>
    rateLimit.create({ rateLimit: settingsOf('rateLimit', changes) }, context, previous)!;
  let layer = create({ mode: 'shadow', ...options });
  let stage = layer.wrap(next);
  return {
    clock,
    store,
    next,
    events: context.events,
    layer: () => layer,
    stage: () => stage,
    reload: (changes: Partial<Options>) => {
      layer = create({ mode: 'shadow', ...options, ...changes }, layer);
      stage = layer.wrap(next);
    },
    /** @returns the call, and whether it went on. */
    send: async (key?: string): Promise<{ call: Call; wentOn: boolean }> => {
      const before = next.runs.length;
      const call = fakeCall({ headers: key === undefined ? [] : ['X-Api-Key', key] });
      stage.run(call).catch(() => {});
      await settle();
      return { call, wentOn: next.runs.length > before };
    },
  };
}

t.test('lets calls over the limit go on, and counts them', async (t) => {
  const { send, events } = build({ rate: 1, burst: 2 });
  for (const shadow of [[], [], ['rate-limited'], ['rate-limited']]) {
    const { call, wentOn } = await send();
    t.ok(wentOn);
    t.same(call.shadow, shadow);
  }
  const refused = { type: 'shadow-refused', policy: 'rateLimit', reason: 'rate-limited' };
  t.same(events, [refused, refused], 'breakwater_rate_limited_total does not count them');
});

t.test('tells clients nothing: those that go by RateLimit would slow down', async (t) => {
  t.equal(build().layer().responseFields, undefined);
  t.type(build({ mode: 'enforce' }).layer().responseFields, 'function');
});

t.test('GET /upstreams tells its mode and what is left', async (t) => {
  const tested = build({ rate: 1, burst: 2 });
  await tested.send();
  t.same(rateLimit.describe(tested.layer()), {
    rateLimit: { mode: 'shadow', remaining: 1, burst: 2, keys: 0 },
  });
  t.match(tested.layer().shadow, { policy: 'rateLimit', reasons: ['rate-limited'] });
});

t.test('a reload between shadow and enforce keeps the count', async (t) => {
  const tested = build({ rate: 0.1, burst: 2 });
  await tested.send();
  await tested.send();
  tested.reload({ mode: 'enforce' });
  t.notOk((await tested.send()).wentOn);
  tested.reload({ mode: 'shadow' });
  const { call, wentOn } = await tested.send();
  t.ok(wentOn);
  t.same(call.shadow, ['rate-limited']);
});

t.test('with a shared limit, what the store refuses goes on as well', async (t) => {
  const tested = build({ rate: 0.1, burst: 2, shared: true });
  const other = build({ mode: 'enforce', rate: 0.1, burst: 2, shared: true }, tested.clock);
  // Another replica has used up the limit.
  const { store } = tested;
  const elsewhere = rateLimit.create(
    { rateLimit: settingsOf('rateLimit', { rate: 0.1, burst: 2, shared: true }) },
    fakeContext(tested.clock, { store }),
  )!;
  const stage = elsewhere.wrap(other.next);
  for (let i = 0; i < 2; i++) stage.run(fakeCall()).catch(() => {});
  await settle();
  t.equal(other.next.runs.length, 2);
  const { call, wentOn } = await tested.send();
  t.ok(wentOn);
  t.same(call.shadow, ['rate-limited']);
});

t.test(
  'with a shared limit, a call that ends while the store is asked does not go on',
  async (t) => {
    const { stage, next } = build({ shared: true });
    const call = fakeCall();
    const reply = stage().run(call);
    call.cancel(clientGone());
    t.match(await failureOf(reply), { status: 499 });
    t.equal(next.runs.length, 0);
  },
);

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ key: fc.constantFrom(undefined, 'a', 'b') }) },
  { weight: 1, arbitrary: fc.record({ waitMs: fc.nat(3000) }) },
);

t.test('notes exactly the calls that enforce refuses', async (t) => {
  const rules = fc.record({
    rate: fc.integer({ min: 1, max: 5 }),
    burst: fc.integer({ min: 1, max: 5 }),
    perKey: fc.constantFrom('off' as const, perKey),
    shared: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(rules, fc.array(step, { maxLength: 60 }), async (rules, steps) => {
      const clock = new FakeClock();
      const enforced = build({ ...rules, mode: 'enforce' }, clock);
      const shadowed = build(rules, clock);
      for (const step of steps) {
        if ('waitMs' in step) {
          await clock.advance(step.waitMs);
          continue;
        }
        const { wentOn } = await enforced.send(step.key);
        const judged = await shadowed.send(step.key);
        assert.ok(judged.wentOn);
        assert.deepEqual(judged.call.shadow, wentOn ? [] : ['rate-limited']);
        assert.deepEqual(shadowed.layer().limiter.forAll, enforced.layer().limiter.forAll);
      }
    }),
    { numRuns: 200 },
  );
  t.pass();
});
