import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import type { Call } from '../../../src/core/call.js';
import { HashBalancer } from '../../../src/upstream/balance/hash.js';
import { HashRing } from '../../../src/upstream/balance/hash-ring.js';
import type { HashKey } from '../../../src/upstream/balance/options.js';
import { fakeCall } from '../../support/fake-call.js';
import {
  equalEndpoints,
  fakeEndpoints,
  retryAfter,
  type FakeEndpoint,
} from '../../support/fake-endpoints.js';
import { seededRandom } from '../../support/faulty-upstream.js';

function balance(endpoints: readonly FakeEndpoint[], key: HashKey | undefined = 'path', seed = 1) {
  const balancer = new HashBalancer<FakeEndpoint>(key, seededRandom(seed));
  balancer.update(endpoints);
  return balancer;
}

const user = (id: number | string) => fakeCall({ headers: ['X-User-Id', `user-${id}`] });

/** The address to which each of so many keys goes. */
const mapKeys = (balancer: HashBalancer<FakeEndpoint>, count: number): string[] =>
  Array.from(
    { length: count },
    (_, i) => balancer.pick(fakeCall({ path: `/items/${i}` }), 0)!.address,
  );

/** What an upstream under these calls has in flight at each endpoint, when `inFlight` stay so and each ends by chance. */
function carry(
  balancer: HashBalancer<FakeEndpoint>,
  calls: number,
  inFlight: number,
  next: (i: number) => Call,
  check: (picked: FakeEndpoint, total: number) => void,
): void {
  const random = seededRandom(9);
  const running: FakeEndpoint[] = [];
  for (let i = 0; i < calls; i++) {
    if (running.length === inFlight) {
      running.splice(Math.floor(random() * inFlight), 1)[0]!.active--;
    }
    const picked = balancer.pick(next(i), i)!;
    picked.active++;
    running.push(picked);
    check(picked, running.length);
  }
}

t.test('the same key goes to the same endpoint in each process', async (t) => {
  const endpoints = equalEndpoints(7);
  const keys = mapKeys(balance(endpoints), 1000);
  t.same(
    mapKeys(balance(endpoints.toReversed(), 'path', 99), 1000),
    keys,
    'in another order and with other random numbers',
  );
  t.ok(new Set(keys).size === 7, 'all endpoints are used');
  // Sidecars of different versions run side by side: a change of these moves the keys of all users.
  const fixed = balance(fakeEndpoints(1, 2, 3), { header: 'x-user-id' });
  const addresses = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => fixed.pick(user(id), 0)!.address);
  t.same(
    addresses.map((address) => address.slice(0, 8)),
    ['10.0.0.3', '10.0.0.2', '10.0.0.3', '10.0.0.2', '10.0.0.3', '10.0.0.1'],
  );
});

t.test('places that several endpoints have belong to the same one in each order', async (t) => {
  const endpoints = equalEndpoints(1000);
  const one = new HashRing(endpoints);
  const other = new HashRing(endpoints.toReversed());
  let differing = 0;
  for (let place = 0; place < 2 ** 32; place += 4000) {
    if (one.at(place) !== other.at(place)) differing++;
  }
  t.equal(differing, 0);
});

for (const count of [3, 10, 100]) {
  t.test(
    `one of ${count} endpoints that leaves moves its own keys only, about 1/${count}`,
    async (t) => {
      const endpoints = equalEndpoints(count);
      const before = mapKeys(balance(endpoints), 20_000);
      const [gone, ...left] = endpoints;
      const balancer = balance(endpoints);
      balancer.update(left);
      const after = mapKeys(balancer, 20_000);
      const moved = before.filter((address, i) => address !== after[i]);
      t.ok(
        moved.every((address) => address === gone!.address),
        'all others stay',
      );
      const share = (moved.length / 20_000) * count;
      t.ok(share > 0.7 && share < 1.3, `${moved.length} keys moved`);
      const takers = new Set(after.filter((address, i) => address !== before[i]));
      t.ok(takers.size > (count - 1) / 2, 'they go to many others');
      balancer.update(endpoints);
      t.same(mapKeys(balancer, 20_000), before, 'and they come back with it');
    },
  );
}

t.test('gives keys by weight', async (t) => {
  const endpoints = fakeEndpoints(1, 2, 7);
  const keys = mapKeys(balance(endpoints), 20_000);
  for (const { address, weight } of endpoints) {
    const share = keys.filter((key) => key === address).length / 2000;
    t.ok(share > 0.8 * weight && share < 1.2 * weight, `${address}: ${share} instead of ${weight}`);
  }
});

t.test('gives keys by weight where the weights are large', async (t) => {
  const endpoints = fakeEndpoints(100_000, 200_000, 700_000);
  const keys = mapKeys(balance(endpoints), 10_000);
  for (const { address, weight } of endpoints) {
    const share = keys.filter((key) => key === address).length * 100;
    t.ok(Math.abs(share - weight) < 0.1 * weight, `${address}: ${share} instead of ${weight}`);
  }
});

t.test('goes by the path without the query', async (t) => {
  const balancer = balance(equalEndpoints(50));
  const one = balancer.pick(fakeCall({ path: '/items/1?page=1' }), 0);
  t.equal(balancer.pick(fakeCall({ path: '/items/1?page=2' }), 0), one);
  t.equal(balancer.pick(fakeCall({ path: '/items/1' }), 0), one);
  t.not(balancer.pick(fakeCall({ path: '/items/2' }), 0), one);
});

t.test('goes by a header field, in upper and lower case', async (t) => {
  const balancer = balance(equalEndpoints(50), { header: 'X-USER-id' });
  const one = balancer.pick(user(1), 0);
  t.equal(
    balancer.pick(fakeCall({ path: '/other', headers: ['A', 'b', 'x-user-id', 'user-1'] }), 0),
    one,
  );
  t.not(balancer.pick(user(2), 0), one);
});

t.test('goes by one cookie among others', async (t) => {
  const balancer = balance(equalEndpoints(50), { cookie: 'sid' });
  const pick = (...headers: string[]) => balancer.pick(fakeCall({ headers }), 0);
  const one = pick('Cookie', 'sid=abc');
  t.equal(pick('Cookie', 'a=b; sid=abc; c=d'), one);
  t.equal(pick('cookie', 'a=b', 'cookie', 'sid=abc'), one, 'in a field of its own');
  t.equal(pick('Cookie', 'xsid=zzz;   sid=abc;'), one, 'after one whose name ends alike');
  t.not(pick('Cookie', 'sid=abd'), one);
});

t.test('balances calls without the key by fewest calls in flight', async (t) => {
  const endpoints = equalEndpoints(2);
  endpoints[0]!.active = 1;
  const keyless: readonly [HashKey | undefined, string[]][] = [
    [{ header: 'X-User-Id' }, []],
    [{ header: 'X-User-Id' }, ['X-User-Id', '']],
    [{ cookie: 'sid' }, ['Cookie', 'a=b; xsid=1; sid']],
    [{ cookie: 'sid' }, ['Cookie', 'sid=']],
    [{}, []],
  ];
  for (const [key, headers] of keyless) {
    const balancer = balance(endpoints, key);
    for (let i = 0; i < 20; i++) {
      t.equal(balancer.pick(fakeCall({ path: `/${i}`, headers }), 0), endpoints[1]);
    }
  }
});

t.test(
  'no endpoint gets more than 1.25 times its share in flight, however skewed the keys are',
  async (t) => {
    const weights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(
        weights,
        fc.integer({ min: 1, max: 60 }),
        fc.nat(4),
        (weights, inFlight, users) => {
          const endpoints = fakeEndpoints(...weights);
          const total = weights.reduce((sum, weight) => sum + weight, 0);
          const balancer = balance(endpoints, { header: 'x-user-id' });
          carry(
            balancer,
            200,
            inFlight,
            (i) => user(i % (users + 1)),
            (picked, running) => {
              const bound = Math.ceil((1.25 * picked.weight * running) / total);
              assert.ok(
                picked.active <= bound,
                `${picked.active} of ${running} where ${bound} may be`,
              );
            },
          );
        },
      ),
    );
    t.pass();
  },
);

t.test('bounds the load of 1,000 endpoints too, where one key has most calls', async (t) => {
  const endpoints = equalEndpoints(1000);
  const balancer = balance(endpoints, { header: 'x-user-id' });
  let most = 0;
  carry(
    balancer,
    10_000,
    4000,
    (i) => user(i % 10 === 0 ? i : 0),
    (picked) => {
      most = Math.max(most, picked.active);
    },
  );
  t.equal(most, 5, 'of 4000 calls in flight');
});

t.test('bounds the load of calls that come at the same instant', async (t) => {
  const endpoints = equalEndpoints(100);
  const balancer = balance(endpoints);
  for (let i = 0; i < 1000; i++) balancer.pick(fakeCall(), 0)!.active++;
  t.equal(Math.max(...endpoints.map(({ active }) => active)), 13);
});

t.test('a key stays with its endpoint while that has room', async (t) => {
  const balancer = balance(equalEndpoints(2));
  const picked = Array.from({ length: 3 }, () => {
    const endpoint = balancer.pick(fakeCall(), 0)!;
    endpoint.active++;
    return endpoint;
  });
  t.equal(picked[1], picked[0], 'ceil(1.25 x 2 / 2) is 2');
  t.not(picked[2], picked[0], 'ceil(1.25 x 3 / 2) is 2 too');
});

t.test('a key whose endpoint has no room goes to the same next one', async (t) => {
  const endpoints = equalEndpoints(10);
  const balancer = balance(endpoints, { header: 'x-user-id' });
  const seconds = new Set<FakeEndpoint>();
  for (let id = 0; id < 200; id++) {
    const own = balancer.pick(user(id), 0)!;
    own.active = 5;
    const second = balancer.pick(user(id), 0)!;
    t.not(second, own);
    t.equal(balancer.pick(user(id), 0), second);
    own.active = 0;
    t.equal(balancer.pick(user(id), 0), own, 'and back again once there is room');
    if (own === endpoints[0]) seconds.add(second);
  }
  t.ok(seconds.size > 3, 'the keys of one endpoint do not all go to one neighbour');
});

t.test('a key comes over to a starting endpoint once, and stays', async (t) => {
  const endpoints = equalEndpoints(4);
  const [starting] = endpoints;
  const whole = mapKeys(balance(endpoints), 2000);
  const owned = whole.filter((address) => address === starting!.address).length;
  const balancer = balance(endpoints);
  let before = new Set<number>();
  for (const share of [0.01, 0.25, 0.5, 0.75, 1]) {
    starting!.share = share;
    const keys = mapKeys(balancer, 2000);
    t.same(mapKeys(balancer, 2000), keys, 'no key goes to and fro');
    const here = new Set([...keys.keys()].filter((i) => keys[i] === starting!.address));
    t.ok(
      [...before].every((i) => here.has(i)),
      `${share}: those that came stay`,
    );
    t.ok(Math.abs(here.size - share * owned) < 50, `${share}: ${here.size} of ${owned}`);
    before = here;
  }
  t.same(mapKeys(balancer, 2000), whole);
});

t.test('keys stay where they are when all endpoints start slowly', async (t) => {
  const endpoints = equalEndpoints(4);
  const balancer = balance(endpoints);
  const keys = mapKeys(balancer, 1000);
  for (const endpoint of endpoints) endpoint.share = 0.001;
  t.same(mapKeys(balancer, 1000), keys);
});

t.test('a retry goes to the next untried endpoint of its key', async (t) => {
  const endpoints = equalEndpoints(5);
  const balancer = balance(endpoints);
  const order: FakeEndpoint[] = [];
  for (let i = 0; i < 5; i++) order.push(balancer.pick(retryAfter(order, { path: '/x' }), 0)!);
  t.equal(new Set(order).size, 5);
  t.equal(
    balancer.pick(retryAfter(order, { path: '/x' }), 0),
    order[0],
    'after all, the own one again',
  );
  t.equal(balancer.pick(retryAfter(order.slice(0, 1), { path: '/x' }), 0), order[1]);
  for (const endpoint of endpoints) endpoint.active = 1;
  order[1]!.active = 9;
  t.equal(
    balancer.pick(retryAfter(order.slice(0, 1), { path: '/x' }), 0),
    order[2],
    'one with room',
  );
  t.equal(
    balancer.pick(
      retryAfter(
        endpoints.filter((other) => other !== order[1]),
        { path: '/x' },
      ),
      0,
    ),
    order[1],
    'an untried one without room rather than a tried one',
  );
});
