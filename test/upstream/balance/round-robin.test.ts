import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import { RoundRobinBalancer } from '../../../src/upstream/balance/round-robin.js';
import { prepareTurns } from '../../../src/upstream/balance/turns.js';
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
  const balancer = new RoundRobinBalancer<FakeEndpoint>(seededRandom(seed));
  balancer.update(endpoints);
  return balancer;
}

const weights = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 2, maxLength: 12 });

t.test(
  'gives each endpoint exactly its weight in every period, at each place of the order',
  async (t) => {
    fc.assert(
      fc.property(weights, fc.nat(), fc.nat(200), (weights, seed, before) => {
        const endpoints = fakeEndpoints(...weights);
        const balancer = balance(endpoints, seed);
        const period = weights.reduce((sum, weight) => sum + weight, 0);
        countPicks(balancer, endpoints, before);
        assert.deepEqual(countPicks(balancer, endpoints, period), weights);
      }),
    );
    t.pass();
  },
);

t.test('spreads the turns of an endpoint evenly over the period', async (t) => {
  fc.assert(
    fc.property(weights, (weights) => {
      const turns = prepareTurns(weights);
      for (const index of weights.keys()) {
        const share = turns.filter((turn) => turn === index).length / turns.length;
        let had = 0;
        for (const [at, turn] of turns.entries()) {
          if (turn === index) had++;
          // Each of the other endpoints can be one turn ahead or behind.
          assert.ok(Math.abs(had - share * (at + 1)) <= 1 + share * weights.length);
        }
      }
    }),
  );
  t.pass();
});

t.test('does not give a heavy endpoint its turns in a row', async (t) => {
  const endpoints = fakeEndpoints(5, 1, 1);
  const balancer = balance(endpoints);
  const picks = Array.from({ length: 70 }, () => balancer.pick(fakeCall(), 0) === endpoints[0]);
  const rows = picks.map((isHeavy) => (isHeavy ? 'x' : ' ')).join('');
  t.notMatch(rows, 'xxxx', 'five turns in three and two');
});

t.test('divides large weights by their greatest common divisor', async (t) => {
  t.equal(prepareTurns([3_000_000, 1_000_000]).length, 4);
  t.equal(prepareTurns([7]).length, 1);
});

t.test('has a period of bounded length for weights without a common divisor', async (t) => {
  t.ok(prepareTurns([1_000_003, 999_983]).length < 33_000);
  const weights = [1_000_003, 500_009, 1, 0.5];
  const turns = prepareTurns(weights);
  t.ok(turns.length < 33_000, `${turns.length}`);
  const counts = weights.map((_, index) => turns.filter((turn) => turn === index).length);
  t.ok(Math.abs(counts[0]! / counts[1]! - 2) < 0.001, counts.join());
  t.same(counts.slice(2), [1, 1], 'the lightest have a turn');
});

t.test('starts at a random place', async (t) => {
  const endpoints = equalEndpoints(10);
  const firsts = new Set<unknown>();
  for (let seed = 0; seed < 100; seed++) firsts.add(balance(endpoints, seed).pick(fakeCall(), 0));
  t.ok(firsts.size >= 8, `${firsts.size} of 10`);
});

t.test('a retry takes no turn', async (t) => {
  const endpoints = equalEndpoints(4);
  const balancer = balance(endpoints);
  const counts = endpoints.map(() => 0);
  for (let i = 0; i < 400; i++) {
    const picked = balancer.pick(fakeCall(), 0)!;
    counts[endpoints.indexOf(picked)]!++;
    t.not(balancer.pick(retryAfter([picked]), 0), picked);
  }
  t.same(counts, [100, 100, 100, 100]);
});

t.test('gives the turns of a starting endpoint to all others alike', async (t) => {
  const endpoints = equalEndpoints(4);
  endpoints[1]!.share = 0.01;
  const [first, starting, ...others] = countPicks(balance(endpoints), endpoints, 12_000);
  t.ok(starting! < 100, `${starting}`);
  for (const count of [first!, ...others]) t.ok(Math.abs(count - 4000) < 250, `${count}`);
});
