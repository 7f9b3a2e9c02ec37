import t from 'tap';
import { LeastRequestBalancer } from '../../../src/upstream/balance/least-request.js';
import { fakeCall } from '../../support/fake-call.js';
import {
  countPicks,
  equalEndpoints,
  fakeEndpoints,
  retryAfter,
  type FakeEndpoint,
} from '../../support/fake-endpoints.js';
import { seededRandom } from '../../support/faulty-upstream.js';

function balance(endpoints: readonly FakeEndpoint[], seed = 1) {
  const balancer = new LeastRequestBalancer<FakeEndpoint>(seededRandom(seed));
  balancer.update(endpoints);
  return balancer;
}

t.test('goes by weight while no call is in flight', async (t) => {
  const endpoints = fakeEndpoints(1, 2, 7);
  const [one, two, seven] = countPicks(balance(endpoints), endpoints, 20_000);
  t.ok(Math.abs(one! - 2000) < 200, `${one}`);
  t.ok(Math.abs(two! - 4000) < 300, `${two}`);
  t.ok(Math.abs(seven! - 14_000) < 400, `${seven}`);
});

t.test('takes of two endpoints always that with fewer calls in flight', async (t) => {
  const endpoints = equalEndpoints(2);
  const [busy, idle] = endpoints;
  busy!.active = 3;
  idle!.active = 2;
  t.same(countPicks(balance(endpoints), endpoints, 1000), [0, 1000]);
});

t.test('takes the busiest of many never, and the idlest most often', async (t) => {
  const endpoints = equalEndpoints(5);
  for (const [i, endpoint] of endpoints.entries()) endpoint.active = i + 1;
  const counts = countPicks(balance(endpoints), endpoints, 20_000);
  // Of the 10 pairs, the i-th has fewer calls in 4 - i.
  for (const [i, count] of counts.entries()) {
    t.ok(Math.abs(count - 2000 * (4 - i)) < 300, `${i}: ${count}`);
  }
});

t.test('compares calls in flight per weight', async (t) => {
  const endpoints = fakeEndpoints(1, 4);
  const [small, large] = endpoints;
  small!.active = 2;
  large!.active = 7;
  t.same(countPicks(balance(endpoints), endpoints, 500), [0, 500]);
  large!.active = 9;
  t.same(countPicks(balance(endpoints), endpoints, 500), [500, 0]);
});

t.test('compares also with an endpoint that has nearly no weight', async (t) => {
  const endpoints = fakeEndpoints(1_000_000, 1);
  const [large, small] = endpoints;
  large!.active = 2_000_000;
  small!.active = 1;
  t.same(countPicks(balance(endpoints), endpoints, 100), [0, 100]);
});

t.test('takes the first endpoint drawn where both have as many calls per weight', async (t) => {
  const endpoints = fakeEndpoints(1, 3);
  endpoints[0]!.active = 5;
  endpoints[1]!.active = 15;
  const [one] = countPicks(balance(endpoints), endpoints, 20_000);
  t.ok(Math.abs(one! - 5000) < 350, `${one}`);
});

t.test('keeps calls in flight even, and in proportion to the weights', async (t) => {
  const endpoints = fakeEndpoints(1, 1, 2, 4);
  const balancer = balance(endpoints);
  for (let i = 0; i < 8000; i++) balancer.pick(fakeCall(), 0)!.active++;
  const perWeight = endpoints.map(({ active, weight }) => active / weight);
  t.ok(Math.max(...perWeight) - Math.min(...perWeight) < 12, perWeight.join(' '));
});

t.test('lets an endpoint that starts slowly have its share of the calls in flight', async (t) => {
  const endpoints = equalEndpoints(5);
  endpoints[0]!.share = 0.2;
  const balancer = balance(endpoints);
  for (let i = 0; i < 4200; i++) balancer.pick(fakeCall(), 0)!.active++;
  const { active } = endpoints[0]!;
  t.ok(active > 160 && active < 240, `${active} instead of 200`);
});

t.test('compares untried endpoints only', async (t) => {
  const endpoints = equalEndpoints(3);
  const [idle, busy, busier] = endpoints;
  busy!.active = 4;
  busier!.active = 9;
  const balancer = balance(endpoints);
  for (let i = 0; i < 100; i++) t.equal(balancer.pick(retryAfter([idle!]), 0), busy);
  for (let i = 0; i < 100; i++) t.equal(balancer.pick(retryAfter([idle!, busy!]), 0), busier);
  const counts = new Set<unknown>();
  for (let i = 0; i < 100; i++) counts.add(balancer.pick(retryAfter(endpoints), 0));
  t.notOk(counts.has(busier), 'all are compared again where all have been tried');
});
