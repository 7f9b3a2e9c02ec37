/** What holds for each strategy and all sets of endpoints. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import { createBalancer } from '../../../src/upstream/balance/create-balancer.js';
import { balanceStrategies } from '../../../src/upstream/balance/options.js';
import { equalEndpoints, fakeEndpoint, retryAfter } from '../../support/fake-endpoints.js';
import { seededRandom } from '../../support/faulty-upstream.js';
import { fakeCall } from '../../support/fake-call.js';

const endpoint = fc.record({
  weight: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 50 })),
  active: fc.nat(20),
  share: fc.oneof(fc.constant(1), fc.double({ min: 0.001, max: 1, noNaN: true })),
  isTried: fc.boolean(),
});

for (const strategy of balanceStrategies) {
  const create = (seed: number) =>
    createBalancer<ReturnType<typeof fakeEndpoint>>({ strategy, key: 'path' }, seededRandom(seed));

  t.test(`${strategy} picks one of the endpoints, and a tried one only if all are`, async (t) => {
    fc.assert(
      fc.property(
        fc.array(endpoint, { maxLength: 12 }),
        fc.webPath(),
        fc.nat(),
        (given, path, seed) => {
          const endpoints = given.map(({ weight, active, share }, i) =>
            Object.assign(fakeEndpoint(`10.0.0.${i}:80`, weight), { active, share }),
          );
          const untried = endpoints.filter((_, i) => !given[i]!.isTried);
          const tried = endpoints.filter((_, i) => given[i]!.isTried);
          const balancer = create(seed);
          balancer.update(endpoints);
          for (let i = 0; i < 10; i++) {
            const first = balancer.pick(fakeCall({ path: `${path}/${i}` }), 0);
            assert.ok(endpoints.length === 0 ? first === undefined : endpoints.includes(first!));
            const next = balancer.pick(retryAfter(tried, { path: `${path}/${i}` }), 0);
            const allowed = untried.length > 0 ? untried : endpoints;
            assert.ok(endpoints.length === 0 ? next === undefined : allowed.includes(next!));
          }
        },
      ),
      { numRuns: 200 },
    );
    t.pass();
  });

  t.test(`${strategy} picks from the endpoints of the last update only`, async (t) => {
    const balancer = create(1);
    t.equal(balancer.pick(fakeCall(), 0), undefined, 'none before the first update');
    const endpoints = equalEndpoints(8);
    for (const count of [8, 1, 3, 0, 2]) {
      const now = endpoints.slice(0, count);
      balancer.update(now);
      const picked = new Set(
        Array.from({ length: 200 }, (_, i) => balancer.pick(fakeCall({ path: `/${i}` }), 0)),
      );
      t.same(picked, new Set(count === 0 ? [undefined] : now), `${count} endpoints`);
    }
  });

  t.test(
    `${strategy} takes the one endpoint although it was tried and starts slowly`,
    async (t) => {
      const balancer = create(1);
      const only = Object.assign(fakeEndpoint('10.0.0.1:80'), { share: 0.01, active: 50 });
      balancer.update([only]);
      t.equal(balancer.pick(fakeCall(), 0), only);
      t.equal(balancer.pick(retryAfter([only]), 0), only);
    },
  );

  t.test(`${strategy} spreads calls over 1,000 endpoints`, async (t) => {
    const balancer = create(1);
    const endpoints = equalEndpoints(1000);
    balancer.update(endpoints);
    const counts = new Map<unknown, number>();
    for (let i = 0; i < 100_000; i++) {
      const picked = balancer.pick(fakeCall({ path: `/${i}` }), 0);
      counts.set(picked, (counts.get(picked) ?? 0) + 1);
    }
    t.equal(counts.size, 1000, 'each gets calls');
    t.ok(Math.max(...counts.values()) < 200, 'none gets twice its share');
  });

  t.test(`${strategy} finds the last untried of 1,000 endpoints`, async (t) => {
    const balancer = create(1);
    const endpoints = equalEndpoints(1000);
    balancer.update(endpoints);
    const left = endpoints[617];
    const call = retryAfter(endpoints.filter((endpoint) => endpoint !== left));
    for (let i = 0; i < 20; i++) t.equal(balancer.pick(call, 0), left);
  });

  t.test(
    `${strategy} gives an endpoint that starts slowly that share of what it would get`,
    async (t) => {
      const balancer = create(1);
      const endpoints = equalEndpoints(4);
      endpoints[0]!.share = 0.25;
      balancer.update(endpoints);
      let picks = 0;
      for (let i = 0; i < 20_000; i++) {
        if (balancer.pick(fakeCall({ path: `/${i}` }), 0) === endpoints[0]) picks++;
      }
      // Between 0.25 of its quarter of all picks, and 0.25 beside three times 1.
      t.ok(picks > 1000 && picks < 1700, `${picks} of 20000`);
    },
  );

  t.test(`${strategy} goes on where all endpoints start slowly`, async (t) => {
    const balancer = create(1);
    const endpoints = equalEndpoints(3).map((endpoint) =>
      Object.assign(endpoint, { share: 0.0001 }),
    );
    balancer.update(endpoints);
    const picked = new Set(
      Array.from({ length: 100 }, (_, i) => balancer.pick(fakeCall({ path: `/${i}` }), 0)),
    );
    t.same(picked, new Set(endpoints));
  });
}
