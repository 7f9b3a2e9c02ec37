import t from 'tap';
import { CallError } from '../../../src/core/errors.js';
import { rateLimit, type RateLimitSettings } from '../../../src/policies/rate-limit/index.js';
import { CALL } from '../../../src/lib/leaky-bucket.js';
import { Limiter, MAX_KEYS } from '../../../src/policies/rate-limit/limiter.js';
import { fakeCall, fakeContext } from '../../support/fake-call.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { clientGone, failureOf, FakeStage } from '../../support/fake-stage.js';
import { FakeStore } from '../../support/fake-store.js';
import { settingsOf } from '../../support/settings.js';

type Options = Exclude<RateLimitSettings['rateLimit'], 'off'>;

const defaults = settingsOf('rateLimit');
const perKey = { header: 'X-Api-Key', rate: 1, burst: 2 };

const callOf = (key?: string) => fakeCall({ headers: key === undefined ? [] : ['X-API-Key', key] });

function build(options: Partial<Options> = {}, route = '') {
  const clock = new FakeClock();
  const store = new FakeStore(clock);
  const context = fakeContext(clock, { store, route });
  const next = new FakeStage();
  const create = (changes: Partial<Options>, previous?: ReturnType<typeof rateLimit.create>) =>
    rateLimit.create({ rateLimit: { ...defaults, ...changes } }, context, previous)!;
  let layer = create(options);
  let stage = layer.wrap(next);

  /** @returns why the call was refused; undefined where it went on. */
  async function send(key?: string): Promise<CallError | undefined> {
    const before = next.runs.length;
    const reply = stage.run(callOf(key));
    reply.catch(() => {});
    await settle();
    return next.runs.length > before ? undefined : ((await failureOf(reply)) as CallError);
  }

  /** @returns how many of so many calls at once went on. */
  async function flood(count: number, key?: string): Promise<number> {
    const before = next.runs.length;
    for (let i = 0; i < count; i++) stage.run(callOf(key)).catch(() => {});
    await settle();
    return next.runs.length - before;
  }

  function reload(changes: Partial<Options>): void {
    layer = create(changes, layer);
    stage = layer.wrap(next);
  }

  const fields = (key?: string) => {
    const [policyName, policy, name, limit] = layer.responseFields!(callOf(key));
    t.same([policyName, name], ['RateLimit-Policy', 'RateLimit']);
    return { policy, limit };
  };

  return {
    clock,
    store,
    next,
    send,
    flood,
    reload,
    fields,
    events: context.events,
    run: (key?: string) => stage.run(callOf(key)),
    describe: () => rateLimit.describe(layer).rateLimit,
    stage: () => stage,
  };
}

t.test('is absent where it is off, and says so', async (t) => {
  const context = fakeContext(new FakeClock());
  t.equal(rateLimit.create({ rateLimit: 'off' }, context), undefined);
  t.same(rateLimit.describe(undefined), { rateLimit: null });
});

t.test('has the documented defaults', async (t) => {
  t.match(defaults, { rate: 100, burst: undefined, perKey: 'off', shared: false });
});

t.test('lets a burst pass, and then the rate', async (t) => {
  const { clock, flood } = build({ rate: 10, burst: 20 });
  t.equal(await flood(50), 20);
  await clock.advance(99);
  t.equal(await flood(50), 0);
  await clock.advance(1);
  t.equal(await flood(50), 1);
  await clock.advance(1000);
  t.equal(await flood(50), 10);
  await clock.advance(3_600_000);
  t.equal(await flood(50), 20);
});

t.test('the burst is that of one second where it is not written, but at least 1', async (t) => {
  t.equal(await build({ rate: 7 }).flood(50), 7);
  t.equal(await build({ rate: 90 / 60 }).flood(50), 1, 'it is rounded down');
  const slow = build({ rate: 10 / 60 });
  t.equal(await slow.flood(50), 1);
  await slow.clock.advance(5999);
  t.equal(await slow.flood(50), 0);
  await slow.clock.advance(1);
  t.equal(await slow.flood(50), 1);
});

t.test('needs no timers', async (t) => {
  const { clock, flood } = build({ rate: 1 });
  await flood(5);
  t.equal(clock.pending, 0);
});

t.test('refuses with 429, and says when to come again', async (t) => {
  const { clock, send, flood, events } = build({ rate: 0.1, burst: 2 });
  t.equal(await flood(2), 2);
  t.same(events, []);
  await clock.advance(2500);
  const refused = (await send())!;
  t.ok(refused instanceof CallError);
  t.match(refused, { reason: 'rate-limited', status: 429, retryAfterMs: 7500 });
  t.equal(refused.message, 'Cannot forward GET to catalog because the rate limit is used up');
  t.same(events, [{ type: 'rate-limited' }]);
});

t.test('gives each key a smaller limit within the one for all', async (t) => {
  const { clock, send, flood } = build({ rate: 10, burst: 5, perKey });
  t.equal(await flood(9, 'a'), 2);
  t.match(await send('a'), { retryAfterMs: 1000, message: /the rate limit of its key is used up/ });
  t.equal(await flood(9, 'b'), 2);
  t.equal(await flood(9, 'c'), 1, 'the limit for all is used up');
  t.match(await send('d'), { retryAfterMs: 100, message: /the rate limit is used up/ });
  await clock.advance(1000);
  t.equal(await flood(9, 'a'), 1);
});

t.test('a call that its key refuses costs the others nothing', async (t) => {
  const { flood } = build({ rate: 10, burst: 10, perKey });
  t.equal(await flood(1000, 'a'), 2);
  t.equal(await flood(1000), 8);
});

t.test('a call that the limit for all refuses costs its key nothing', async (t) => {
  const { clock, flood } = build({ rate: 1000, burst: 2, perKey });
  t.equal(await flood(2), 2);
  t.equal(await flood(100, 'a'), 0);
  await clock.advance(10);
  t.equal(await flood(100, 'a'), 2);
});

t.test('calls without the key meet the limit for all only', async (t) => {
  const { flood } = build({ rate: 10, burst: 10, perKey });
  t.equal(await flood(100), 10);
});

t.test('says with each response how it stands', async (t) => {
  const { clock, flood, fields } = build({ rate: 10, burst: 25, perKey });
  t.same(fields(), { policy: '"catalog";q=25;w=3', limit: '"catalog";r=25;t=1' });
  await flood(2, 'a');
  t.same(fields('a'), {
    policy: '"catalog";q=25;w=3, "catalog:key";q=2;w=2',
    limit: '"catalog";r=23;t=1, "catalog:key";r=0;t=1',
  });
  t.equal(fields('b').limit, '"catalog";r=23;t=1, "catalog:key";r=2;t=1');
  await clock.advance(1000);
  t.equal(fields('a').limit, '"catalog";r=25;t=1, "catalog:key";r=1;t=1');
});

t.test('names a route, and says how long a slow limit takes', async (t) => {
  const { clock, flood, fields } = build({ rate: 6 / 3600, burst: 3 }, 'search');
  t.same(fields(), { policy: '"catalog/search";q=3;w=1800', limit: '"catalog/search";r=3;t=600' });
  await flood(3);
  await clock.advance(300_000);
  t.equal(fields().limit, '"catalog/search";r=0;t=300');
});

t.test('to look costs nothing', async (t) => {
  const { fields, flood, describe } = build({ rate: 5, perKey });
  for (let i = 0; i < 100; i++) fields(`key ${i}`);
  t.match(describe(), { remaining: 5, burst: 5, keys: 0 });
  t.equal(await flood(100), 5);
});

t.test('a reload keeps the counts, and takes new rates and bursts at once', async (t) => {
  const { clock, flood, reload } = build({ rate: 1, burst: 10, perKey });
  t.equal(await flood(100, 'a'), 2);
  t.equal(await flood(100), 8);
  reload({ rate: 1, burst: 10, perKey });
  t.equal(await flood(100), 0);
  reload({ rate: 1, burst: 13, perKey: { ...perKey, burst: 3 } });
  t.equal(await flood(100, 'a'), 1);
  t.equal(await flood(100), 2);
  await clock.advance(1000);
  reload({ rate: 100, burst: 13, perKey: { ...perKey, burst: 3 } });
  t.equal(await flood(100), 1, 'what has passed has passed at the old rate');
  await clock.advance(20);
  t.equal(await flood(100), 2, 'and now the new one holds');
  reload({ rate: 100, burst: 1 });
  await clock.advance(10);
  t.equal(await flood(100), 1);
});

t.test('a reload counts the time until then at the old rate, for keys as well', async (t) => {
  const slow = { ...perKey, rate: 1 / 60 };
  const { clock, flood, reload } = build({ perKey: slow });
  t.equal(await flood(9, 'a'), 2);
  await clock.advance(30_000);
  reload({ perKey });
  t.equal(await flood(9, 'a'), 0);
  await clock.advance(500);
  t.equal(await flood(9, 'a'), 1);
});

t.test('keys of another header begin anew', async (t) => {
  const { flood, reload } = build({ rate: 100, perKey });
  t.equal(await flood(9, 'a'), 2);
  reload({ rate: 100, perKey: { ...perKey, header: 'x-api-key' } });
  t.equal(await flood(9, 'a'), 0, 'the same one');
  reload({ rate: 100, perKey: { ...perKey, header: 'X-Other' } });
  reload({ rate: 100, perKey });
  t.equal(await flood(9, 'a'), 2);
});

t.test('remembers a bounded number of keys, those in use first', async (t) => {
  const { next, run, flood, describe } = build({
    rate: 1e6,
    perKey: { ...perKey, rate: 1 / 3600 },
  });
  t.equal(await flood(9, 'active'), 2);
  for (let i = 0; i < MAX_KEYS + 10_000; i++) {
    void run(`new ${i}`);
    next.runs.length = 0;
  }
  t.equal(describe()!.keys, MAX_KEYS);
  t.equal(await flood(9, 'active'), 0);
});

t.test('passes on what inner policies would refuse', async (t) => {
  const { next, stage } = build();
  next.refuses = new CallError('shutting-down', 'Cannot');
  t.equal(stage().refusal(fakeCall()), next.refuses);
});

t.test('shared: all replicas have one limit', async (t) => {
  const a = build({ rate: 10, burst: 6, perKey, shared: true });
  const b = build({ rate: 10, burst: 6, perKey, shared: true });
  b.store.meters.count = (meters, maxWaitMs) => a.store.meters.count(meters, maxWaitMs);
  t.equal((await a.flood(9, 'k')) + (await b.flood(9, 'k')), 2);
  t.equal((await a.flood(9)) + (await b.flood(9)), 4);
  t.match(await b.send(), { reason: 'rate-limited', retryAfterMs: 100 });
  t.match(b.fields().limit, /r=0/, 'both know how it stands');
  t.match(a.fields().limit, /r=0/);
});

t.test('shared: what is used up is refused without the store', async (t) => {
  const { store, flood } = build({ rate: 10, burst: 3, shared: true });
  let asked = 0;
  store.onOperation = () => (asked += 1);
  await flood(3);
  await flood(100);
  t.equal(asked, 3);
});

t.test('shared: keys do not tell credentials to the store', async (t) => {
  const { store, flood } = build({ rate: 10, perKey, shared: true }, 'search');
  const keys: string[] = [];
  const before = { ...store.meters };
  store.meters.count = (meters, maxWaitMs) => {
    keys.push(...meters.map(({ key }) => key));
    return before.count(meters, maxWaitMs);
  };
  await flood(1, 'secret');
  t.same(keys, ['rate:{catalog/search}', 'rate:{catalog/search}:#secret']);
});

t.test('shared: the store is told no more than is left when it may respond', async (t) => {
  const { store, flood } = build({ rate: 10, burst: 5, shared: true });
  const told: number[] = [];
  const before = { ...store.meters };
  store.meters.count = (meters, maxWaitMs) => {
    t.equal(maxWaitMs, 50);
    told.push(meters[0]!.atLeast / CALL);
    return before.count(meters, maxWaitMs);
  };
  await flood(3);
  await flood(1);
  t.same(told, [0, 0, 0, 2.5], '10/s are half a call in 50 ms');
});

t.test('shared: a response that comes late takes nothing back', async (t) => {
  const { store, flood, fields } = build({ rate: 1, burst: 5, shared: true });
  const responses: (() => void)[] = [];
  const before = { ...store.meters };
  store.meters.count = async (meters, maxWaitMs) => {
    const metered = await before.count(meters, maxWaitMs);
    await new Promise<void>((resolve) => {
      responses.push(resolve);
    });
    return metered;
  };
  t.equal(await flood(3), 0);
  for (const respond of responses.toReversed()) {
    respond();
    await settle();
    t.match(fields().limit, /r=2/);
  }
});

t.test('shared: with the store away the local count goes on', async (t) => {
  const { clock, store, flood, describe } = build({ rate: 1, burst: 10, shared: true });
  t.equal(await flood(4), 4);
  store.failure = new Error('gone');
  t.equal(await flood(4), 4);
  t.equal(await flood(99), 2);
  store.failure = undefined;
  await clock.advance(1000);
  t.equal(await flood(99), 1, 'and the store is told when it is back');
  const { meters } = store;
  const { levels } = await meters.count(
    [{ key: 'rate:{catalog/}', limit: { perHour: 3600, burst: 11 }, atLeast: 0 }],
    50,
  );
  t.ok(levels[0]! / 3.6e9 > 10.9, `it has them all: ${levels[0]! / 3.6e9}`);
  t.equal(describe()!.remaining, 0);
});

t.test('shared: after a failure the store is asked again, by one call at a time', async (t) => {
  const { clock, store, flood } = build({ rate: 1000, burst: 1000, shared: true });
  let asked = 0;
  store.onOperation = () => (asked += 1);
  store.failure = new Error('gone');
  await flood(1);
  t.equal(asked, 1);
  t.equal(await flood(9), 9);
  t.equal(asked, 1);
  await clock.advance(250);
  store.isHanging = true;
  store.failure = undefined;
  t.equal(await flood(9), 8, 'the others do not wait for it');
  t.equal(asked, 2);
  store.release();
  await settle();
  t.equal(await flood(9), 9);
  t.equal(asked, 11);
});

t.test('shared: a call that ended while the store was asked goes no further', async (t) => {
  const { store, next, stage } = build({ shared: true });
  store.isHanging = true;
  const call = callOf();
  const failure = failureOf(stage().run(call));
  const gone = clientGone();
  call.cancel(gone);
  store.release();
  t.equal(await failure, gone);
  t.equal(next.runs.length, 0);
});

t.test('long keys are remembered by their digest', async (t) => {
  const { flood } = build({ rate: 100, perKey });
  const long = 'x'.repeat(5000);
  t.equal(await flood(9, `${long}a`), 2);
  t.equal(await flood(9, `${long}b`), 2);
});

t.test('the smallest rest of a call that others counted still takes its room', async (t) => {
  const clock = new FakeClock();
  const options = { ...defaults, perKey: { ...perKey, burst: 1 } };
  const limiter = new Limiter(options, fakeContext(clock));
  const tallies = limiter.talliesOf(['X-Api-Key', 'a']);
  t.equal(limiter.arrive(tallies), 0);
  limiter.learn(tallies, [0, 1], clock.now());
  t.ok(limiter.arrive(tallies) > 0, 'a full call would be more than the burst');
});
