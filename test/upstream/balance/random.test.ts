import t from 'tap';
import { RandomBalancer } from '../../../src/upstream/balance/random.js';
import {
  countPicks,
  fakeEndpoints,
  retryAfter,
  type FakeEndpoint,
} from '../../support/fake-endpoints.js';
import { seededRandom } from '../../support/faulty-upstream.js';

function balance(endpoints: readonly FakeEndpoint[]) {
  const balancer = new RandomBalancer<FakeEndpoint>(seededRandom(3));
  balancer.update(endpoints);
  return balancer;
}

t.test('goes by weight and not by the calls in flight', async (t) => {
  const endpoints = fakeEndpoints(1, 2, 7);
  endpoints[2]!.active = 1000;
  const [one, two, seven] = countPicks(balance(endpoints), endpoints, 20_000);
  t.ok(Math.abs(one! - 2000) < 200, `${one}`);
  t.ok(Math.abs(two! - 4000) < 300, `${two}`);
  t.ok(Math.abs(seven! - 14_000) < 400, `${seven}`);
});

t.test('draws a retry by weight from the endpoints that are left', async (t) => {
  const endpoints = fakeEndpoints(10, 1, 3);
  const balancer = balance(endpoints);
  const call = retryAfter([endpoints[0]!]);
  let light = 0;
  for (let i = 0; i < 8000; i++) if (balancer.pick(call, 0) === endpoints[1]) light++;
  t.ok(Math.abs(light - 2000) < 300, `${light}`);
});
