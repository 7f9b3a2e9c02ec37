/** Settings that operators set for a time: what is allowed, what is refused, and what the log says. */
import type { InjectOptions } from 'fastify';
import t from 'tap';
import type { AdminOptions } from '../../src/admin/server.js';
import { readPolicy } from '../../src/config/read-policy.js';
import { parseDuration } from '../../src/config/schema/units.js';
import type { SettingsOrder } from '../../src/core/inspect.js';
import { policies } from '../../src/policies/index.js';
import { fakeProxy } from './fake-proxy.js';

/** A proxy that notes its orders. @param missing what each of them asks for and is not there. */
function open(missing?: 'upstream' | 'route', overrides: Partial<AdminOptions> = {}) {
  const orders: SettingsOrder[] = [];
  const fake = fakeProxy({
    parseDuration,
    readSettings: (policy, written) => readPolicy(policy, written, policies),
    orderSettings(order) {
      if (missing === undefined) orders.push(order);
      return missing;
    },
    ...overrides,
  });
  const put = (payload: string, options: Omit<InjectOptions, 'method'> = {}) =>
    fake.app.inject({ method: 'PUT', url: '/faults/catalog', payload, ...options });
  return { ...fake, orders, put };
}

const ABORT =
  '{"fault":{"abort":{"share":"10%","status":500},"first":3},"ttl":"5m","reason":"drill"}';

t.test('sets a fault for a time, decoded, and says so in the log', async (t) => {
  const { put, orders, logs } = open();
  const response = await put(ABORT);
  t.equal(response.statusCode, 200);
  t.match(response.json(), { upstream: 'catalog', route: '' });
  t.strictSame(orders, [
    {
      policy: 'fault',
      upstream: 'catalog',
      route: '',
      settings: {
        delay: 'off',
        abort: { share: 0.1, status: 500 },
        reset: 'off',
        header: 'off',
        first: 3,
      },
      forMs: 300_000,
    },
  ]);
  t.match(logs, [
    {
      level: 'info',
      fields: {
        peer: '127.0.0.1',
        upstream: 'catalog',
        route: '',
        ttlMs: 300_000,
        reason: 'drill',
      },
      message:
        'fault of catalog was set to {"abort":{"share":"10%","status":500},"first":3} by 127.0.0.1',
    },
  ]);
});

t.test('sets that of a route, and lifts it without a ttl', async (t) => {
  const { put, orders, logs } = open();
  const url = '/faults/catalog/search';
  t.equal((await put('{"fault":"off","ttl":"1h"}', { url })).statusCode, 200);
  t.equal((await put('{"fault":null}', { url })).statusCode, 200);
  t.match(orders, [
    { route: 'search', settings: 'off', forMs: 3_600_000 },
    { route: 'search', settings: undefined },
  ]);
  t.equal(logs[1]?.message, 'fault of catalog/search was set to that of the file by 127.0.0.1');
});

t.test('responds 404 for an upstream or route that is not there', async (t) => {
  const noUpstream = await open('upstream').put(ABORT);
  t.equal(noUpstream.statusCode, 404);
  t.equal(
    noUpstream.json().detail,
    'Cannot set the fault of catalog because no upstream has that name',
  );
  const noRoute = await open('route').put(ABORT, { url: '/faults/catalog/x' });
  t.equal(noRoute.statusCode, 404);
  t.match(noRoute.json().detail, 'catalog/x because catalog has no route of that name');
});

t.test('responds 400 to what is no fault or has no end, and says what is allowed', async (t) => {
  const bodies: [string, RegExp][] = [
    ['', /the body is not JSON/],
    ['[]', /the body is not a JSON object/],
    ['{"ttl":"1m"}', /fault is missing/],
    ['{"fault":{"reset":{}},"ttl":"1m","until":"x"}', /the key "until" is unknown/],
    ['{"fault":{"reset":{}}}', /ttl is missing/],
    ['{"fault":{},"ttl":"1m"}', /it says neither delay, abort, reset nor header/],
    ['{"fault":{"first":2},"ttl":"1m"}', /so it would do nothing/],
    ['{"fault":{"reset":{}},"ttl":"61m"}', /ttl is "61m", which is too long/],
    ['{"fault":{"reset":{}},"ttl":"0s"}', /ttl is "0s", which is not a duration above 0/],
    ['{"fault":{"reset":{}},"ttl":60}', /ttl is 60, which is not a duration/],
    ['{"fault":null,"ttl":"x"}', /ttl is "x"/],
    ['{"fault":{"reset":{}},"ttl":"1m","reason":7}', /reason is not a text/],
    ['{"fault":7,"ttl":"1m"}', /fault must be a mapping, or off, but is 7/],
    ['{"fault":{"reset":{"share":"101%"}},"ttl":"1m"}', /fault\.reset\.share .* the most is 100%/],
    ['{"fault":{"abort":{"status":600}},"ttl":"1m"}', /fault\.abort\.status .* from 400 to 599/],
    ['{"fault":{"abort":{"status":"503"}},"ttl":"1m"}', /fault\.abort\.status must be a whole/],
    ['{"fault":{"delay":{"time":"0s"}},"ttl":"1m"}', /fault\.delay\.time .* must be above 0/],
    ['{"fault":{"delay":{"time":"${X}"}},"ttl":"1m"}', /fault\.delay\.time/],
    ['{"fault":{"first":0},"ttl":"1m"}', /fault\.first/],
    ['{"fault":{"resets":{}},"ttl":"1m"}', /fault\.resets is an unknown key; did you mean "reset"/],
    [
      '{"fault":{"delay":{"share":"x"},"abort":{"status":1}},"ttl":"1m"}',
      /delay.share.*; fault.abort/,
    ],
  ];
  for (const [payload, why] of bodies) {
    const { put, orders } = open();
    const response = await put(payload);
    t.equal(response.statusCode, 400, payload);
    const { detail } = response.json();
    t.match(detail, why);
    t.match(
      detail,
      /allowed is \{"fault": \{\.\.\.\} \| null, "ttl": "10m", "reason": "\.\.\."\}.* 1h/,
    );
    t.same(orders, [], payload);
  }
});

t.test('only those may set one who may change anything', async (t) => {
  const away = open();
  t.equal((await away.put(ABORT, { remoteAddress: '10.0.0.1' })).statusCode, 403);
  const { put, orders } = open(undefined, { token: () => 's3cret' });
  t.equal((await put(ABORT)).statusCode, 401);
  t.same([...away.orders, ...orders], []);
  t.equal((await put(ABORT, { headers: { authorization: 'Bearer s3cret' } })).statusCode, 200);
});

t.test('lists none where there is none', async (t) => {
  t.same((await open().app.inject('/faults')).json(), { faults: [] });
});
