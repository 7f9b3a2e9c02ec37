import t from 'tap';
import { AddressOrder } from '../../../src/outbound/names/address-order.js';

const ALL = ['a', 'b', 'c'];

t.test('addresses keep their order while attempts at them do well', async (t) => {
  const order = new AddressOrder();
  order.report('b', true, 0);
  t.same(order.sort(ALL, []), ALL);
  t.equal(order.hasSuspects, false);
});

t.test('those that the call used before come last, those that fail before them', async (t) => {
  const order = new AddressOrder();
  order.report('b', false, 0);
  t.same(order.sort(ALL, ['a']), ['c', 'b', 'a']);
  order.report('b', true, 1);
  t.same(order.sort(ALL, ['a']), ['b', 'c', 'a']);
});

t.test('after a pause one attempt finds out whether an address is well again', async (t) => {
  const order = new AddressOrder();
  order.report('a', false, 0);
  order.report('a', false, 10);
  t.equal(order.takeTrial(ALL, 999), undefined);
  t.equal(order.takeTrial(ALL, 1000), 'a', 'failures at the same time count once');
  t.equal(order.takeTrial(ALL, 1001), undefined, 'one only');
  order.report('a', false, 1100);
  t.equal(order.takeTrial(ALL, 3099), undefined, 'the next pause is longer');
  t.equal(order.takeTrial(ALL, 3100), 'a');
  order.report('a', true, 3200);
  t.equal(order.hasSuspects, false);
});

t.test('a trial that tells nothing is followed by another one', async (t) => {
  const order = new AddressOrder();
  order.report('a', false, 0);
  t.equal(order.takeTrial(ALL, 1000), 'a');
  t.equal(order.takeTrial(ALL, 11_000), 'a');
});

t.test('the pause grows to 10 s', async (t) => {
  const order = new AddressOrder();
  let nowMs = 0;
  for (let i = 0; i < 20; i += 1) {
    order.report('a', false, nowMs);
    nowMs += 10_000;
    t.equal(order.takeTrial(ALL, nowMs), 'a');
  }
});

t.test('it forgets addresses that are no longer there', async (t) => {
  const order = new AddressOrder();
  order.report('a', false, 0);
  order.retain((address) => address !== 'a');
  t.equal(order.hasSuspects, false);
});
