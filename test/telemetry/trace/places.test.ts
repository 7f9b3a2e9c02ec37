/** Hosts and addresses as spans name them. */
import t from 'tap';
import { Places } from '../../../src/telemetry/trace/places.js';

t.test('a host, its port, and whether it is an address are told apart', async (t) => {
  const places = new Places();
  for (const [text, host, port, isIp] of [
    ['10.0.0.1:8080', '10.0.0.1', 8080, true],
    ['10.0.0.1', '10.0.0.1', undefined, true],
    ['[::1]:8080', '::1', 8080, true],
    ['[::1]', '::1', undefined, true],
    ['orders.internal:80', 'orders.internal', 80, false],
    ['orders.internal', 'orders.internal', undefined, false],
    ['a:b:c', '', undefined, false],
    ['', '', undefined, false],
  ] as const) {
    t.same(places.read(text), { host, port, isIp }, text);
  }
});

t.test('each text is taken apart once', async (t) => {
  const places = new Places();
  t.equal(places.read('orders:80'), places.read('orders:80'));
});

t.test('hosts that clients make up do not add up', async (t) => {
  const places = new Places();
  const first = places.read('first:1');
  for (let i = 0; i < 1024; i++) places.read(`host-${i}:80`);
  t.not(places.read('first:1'), first, 'it was pushed out');
  t.same(places.read('first:1'), first, 'and is read anew');
});
