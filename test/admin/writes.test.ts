import type { InjectOptions } from 'fastify';
import t from 'tap';
import type { ForcedState } from '../../src/core/inspect.js';
import { fakeLayer, fakeScope } from '../support/fake-layers.js';
import { fakeProxy } from './fake-proxy.js';

type Fake = ReturnType<typeof fakeProxy>;

function put({ app }: Fake, options: Omit<InjectOptions, 'method'> = {}) {
  const payload = '{"state":"forced-open"}';
  return app.inject({ method: 'PUT', url: '/circuits/catalog', payload, ...options });
}

t.test("forces an upstream's circuit and responds with its new state", async (t) => {
  const fake = fakeProxy();
  const response = await put(fake, { payload: '{"state":"forced-open","ttl":"10m"}' });
  t.equal(response.statusCode, 200);
  t.same(response.json(), {
    upstream: 'catalog',
    route: '',
    state: 'forced-open',
    consecutiveFailures: 5,
    failureRate: 0.25,
    since: '2026-01-02T03:04:05.678Z',
    retryAfterMs: 1200,
  });
  t.same(fake.circuits.catalog.orders, [['forced-open', 600_000]]);
  t.same(fake.circuits.search.orders, []);
});

t.test("forces a route's own circuit", async (t) => {
  const fake = fakeProxy();
  const payload = '{"state":"forced-closed"}';
  const response = await put(fake, { url: '/circuits/catalog/search', payload });
  t.match(response.json(), { upstream: 'catalog', route: 'search', state: 'forced-closed' });
  t.same(fake.circuits.search.orders, [['forced-closed', undefined]]);
  t.same(fake.circuits.catalog.orders, []);
});

t.test('gives a circuit back to its rules, whatever ttl comes along', async (t) => {
  const fake = fakeProxy();
  t.equal((await put(fake, { payload: '{"state":"auto"}' })).statusCode, 200);
  t.equal((await put(fake, { payload: '{"state":"auto","ttl":"1s"}' })).statusCode, 200);
  const orders: [ForcedState, undefined][] = [
    ['auto', undefined],
    ['auto', undefined],
  ];
  t.same(fake.circuits.catalog.orders, orders);
});

t.test('takes JSON under any content type', async (t) => {
  for (const type of [
    'application/json',
    'application/x-www-form-urlencoded',
    'text/plain',
    'x/y',
  ]) {
    const headers = { 'content-type': type };
    t.equal((await put(fakeProxy(), { headers })).statusCode, 200, type);
  }
});

t.test('finds names by their decoded form', async (t) => {
  const odd = 'a b/ü%2F"?#';
  const circuit = fakeProxy().circuits.catalog;
  const { options } = fakeProxy();
  const scopes = () => [fakeScope(odd, odd, { circuitBreaker: fakeLayer({ circuit }) })];
  const fake = fakeProxy({ inspection: { ...options.inspection, scopes } });
  const name = encodeURIComponent(odd);
  const response = await put(fake, { url: `/circuits/${name}/${name}` });
  t.equal(response.statusCode, 200);
  t.match(response.json(), { upstream: odd, route: odd });
});

t.test('finds a name of 200 characters', async (t) => {
  const upstream = 'x'.repeat(200);
  const circuit = fakeProxy().circuits.catalog;
  const { options } = fakeProxy();
  const scopes = () => [fakeScope(upstream, '', { circuitBreaker: fakeLayer({ circuit }) })];
  const fake = fakeProxy({ inspection: { ...options.inspection, scopes } });
  t.equal((await put(fake, { url: `/circuits/${upstream}` })).statusCode, 200);
});

t.test('responds 404 for a circuit that is not there', async (t) => {
  const urls = [
    '/circuits/unknown',
    '/circuits/catalog/unknown',
    '/circuits/bare',
    '/circuits/__proto__',
    '/circuits/catalog%00',
    '/circuits/CATALOG',
    '/circuits/catalog%2Fsearch',
  ];
  for (const url of urls) {
    const fake = fakeProxy();
    const response = await put(fake, { url });
    t.equal(response.statusCode, 404, url);
    t.match(response.json(), { status: 404, detail: /^Cannot set the circuit of .+ because/ }, url);
    t.same(fake.circuits.catalog.orders, [], url);
  }
});

t.test('responds 400 to a body that is not an order, and says what is allowed', async (t) => {
  const bodies: [string, RegExp][] = [
    ['', /the body is not JSON/],
    ['{"state":', /the body is not JSON/],
    ['state=auto', /the body is not JSON/],
    ['null', /the body is not a JSON object/],
    ['["auto"]', /the body is not a JSON object/],
    ['"auto"', /the body is not a JSON object/],
    ['{}', /state is missing/],
    ['{"ttl":"1m"}', /state is missing/],
    ['{"state":"open"}', /state is "open", which is unknown/],
    ['{"state":null}', /state is null, which is unknown/],
    ['{"state":"auto","tttl":"1m"}', /the key "tttl" is unknown/],
    ['{"state":"auto","__proto__":1}', /the key "__proto__" is unknown/],
    ['{"state":"forced-open","ttl":600}', /ttl is 600, which is not a duration/],
    ['{"state":"forced-open","ttl":"10"}', /ttl is "10", which is not a duration/],
    ['{"state":"forced-open","ttl":"0s"}', /ttl is "0s", which is not a duration above 0/],
    ['{"state":"forced-open","ttl":"-1m"}', /ttl is "-1m", which is not a duration/],
    ['{"state":"auto","ttl":null}', /ttl is null, which is not a duration/],
  ];
  for (const [payload, why] of bodies) {
    const fake = fakeProxy();
    const response = await put(fake, { payload });
    t.equal(response.statusCode, 400, payload);
    t.equal(response.headers['content-type'], 'application/problem+json');
    const { detail } = response.json();
    t.match(detail, why);
    t.match(detail, /allowed is .*"forced-open" \| "forced-closed" \| "auto".*"ttl": "10m"/);
    t.same(fake.circuits.catalog.orders, [], payload);
  }
});

t.test('refuses a body that is longer than any order', async (t) => {
  const fake = fakeProxy();
  const payload = JSON.stringify({ state: 'auto', ttl: '1'.repeat(5000) });
  const response = await put(fake, { payload });
  t.equal(response.statusCode, 413);
  t.equal(response.headers['content-type'], 'application/problem+json');
  t.match(response.json().detail, /^Cannot handle the request because request body is too large/);
  t.same(fake.circuits.catalog.orders, []);
});

t.test('logs every order and every refusal with its peer', async (t) => {
  const fake = fakeProxy();
  await put(fake, {
    url: '/circuits/catalog/search',
    payload: '{"state":"forced-open","ttl":"2s"}',
  });
  await put(fake, { remoteAddress: '192.0.2.1' });
  await put(fake, { payload: 'x' });
  await fake.app.inject('/circuits');
  await fake.app.inject('/unknown');
  t.match(fake.logs, [
    {
      level: 'info',
      fields: {
        peer: '127.0.0.1',
        upstream: 'catalog',
        route: 'search',
        state: 'forced-open',
        ttlMs: 2000,
      },
      message: 'circuit of catalog/search was set to forced-open by 127.0.0.1',
    },
    {
      level: 'warn',
      fields: { peer: '192.0.2.1', method: 'PUT', path: '/circuits/catalog', status: 403 },
      message: /^Cannot change anything because 192\.0\.2\.1/,
    },
    { level: 'warn', fields: { peer: '127.0.0.1', status: 400 } },
  ]);
  t.equal(fake.logs.length, 3);
});

t.test('takes orders from loopback only where no token is set', async (t) => {
  const addresses: [string, number][] = [
    ['127.0.0.1', 200],
    ['127.255.1.2', 200],
    ['::1', 200],
    ['::ffff:127.0.0.1', 200],
    ['::ffff:7f00:1', 200],
    ['128.0.0.1', 403],
    ['10.0.0.1', 403],
    ['0.0.0.0', 403],
    ['::', 403],
    ['::2', 403],
    ['::ffff:10.0.0.1', 403],
    ['fe80::1', 403],
    // No address: a socket that has just been closed.
    ['unknown', 403],
  ];
  for (const [remoteAddress, status] of addresses) {
    const fake = fakeProxy();
    // A header cannot make a peer local.
    const headers = { 'x-forwarded-for': '127.0.0.1', forwarded: 'for=127.0.0.1' };
    const response = await put(fake, { remoteAddress, headers });
    t.equal(response.statusCode, status, remoteAddress);
    t.equal(fake.circuits.catalog.orders.length, status === 200 ? 1 : 0, remoteAddress);
  }
});

t.test('refuses web pages where no token is set', async (t) => {
  for (const origin of ['http://evil.example', 'null', 'http://localhost:9900']) {
    const fake = fakeProxy();
    const response = await put(fake, { headers: { origin } });
    t.equal(response.statusCode, 403, origin);
    t.match(response.json().detail, /comes from a web page/);
    t.same(fake.circuits.catalog.orders, []);
  }
});

t.test('asks every client for the token if one is set, and for nothing else', async (t) => {
  const cases: [string | undefined, number][] = [
    [undefined, 401],
    ['', 401],
    ['Bearer', 401],
    ['Bearer ', 401],
    ['Bearer s3cret-', 401],
    ['Bearer s3cret-ü-', 401],
    ['Bearer wrong', 401],
    ['Bearer s3cret-ü x', 401],
    ['Basic s3cret-ü', 401],
    ['s3cret-ü', 401],
    ['Bearer s3cret-ü', 200],
    ['bearer s3cret-ü', 200],
    ['Bearer   s3cret-ü', 200],
  ];
  for (const [text, status] of cases) {
    const fake = fakeProxy({ token: () => 's3cret-ü' });
    // As bytes on the wire: clients send UTF-8, Node reads Latin-1.
    const authorization = text && Buffer.from(text).toString('latin1');
    const headers = {
      origin: 'http://x',
      ...(authorization === undefined ? {} : { authorization }),
    };
    const remoteAddress = status === 200 ? '192.0.2.1' : '127.0.0.1';
    const response = await put(fake, { headers, remoteAddress });
    t.equal(response.statusCode, status, text ?? 'none');
    t.equal(fake.circuits.catalog.orders.length, status === 200 ? 1 : 0, text ?? 'none');
    if (status === 401) t.match(response.headers['www-authenticate'], /^Bearer realm="breakwater"/);
  }
});

t.test('does not take an empty token for none', async (t) => {
  t.equal((await put(fakeProxy({ token: () => '' }))).statusCode, 401);
});

t.test('asks for the token before it looks at the body or the name', async (t) => {
  const fake = fakeProxy({ token: () => 'secret' });
  t.equal((await put(fake, { payload: 'x'.repeat(10_000) })).statusCode, 401);
  t.equal((await put(fake, { url: '/circuits/unknown' })).statusCode, 401);
  t.notMatch(JSON.stringify(fake.logs), /secret/);
});

t.test('takes an endpoint out, and lets it in again', async (t) => {
  const fake = fakeProxy();
  const url = '/endpoints/catalog/%5B%3A%3A1%5D%3A8080';
  const drained = await put(fake, { url, payload: '{"state":"drained","ttl":"10m"}' });
  t.equal(drained.statusCode, 200);
  t.match(drained.json(), { address: '[::1]:8080', state: 'drained', backInMs: 600_000 });
  await put(fake, { url, payload: '{"state":"drained"}' });
  t.match((await put(fake, { url, payload: '{"state":"auto"}' })).json(), { state: 'available' });
  t.same(fake.endpoints.orders, [['drain', 600_000], ['drain', Infinity], ['undrain']]);
  t.match(fake.logs, [
    { message: 'endpoint [::1]:8080 of catalog was set to drained by 127.0.0.1' },
  ]);
});

t.test('says which endpoints there are, and which orders', async (t) => {
  const fake = fakeProxy();
  const payload = '{"state":"drained"}';
  const [address, upstream, order] = await Promise.all([
    put(fake, { url: '/endpoints/catalog/10.0.0.1:80', payload }),
    put(fake, { url: '/endpoints/cat/10.0.0.1:80', payload }),
    put(fake, { url: '/endpoints/catalog/x', payload: '{"state":"ejected"}' }),
  ]);
  t.same([address.statusCode, upstream.statusCode, order.statusCode], [404, 404, 400]);
  t.match(address.json(), {
    detail: 'Cannot set endpoint 10.0.0.1:80 of catalog because it has [::1]:8080',
  });
  t.match(upstream.json(), { detail: /because no upstream has that name/ });
  t.match(order.json(), {
    detail:
      'Cannot set the endpoint because state is "ejected", which is unknown; allowed is {"state": "drained" | "auto", "ttl": "10m", "reason": "..."}, ttl and reason being optional',
  });
  t.same(fake.endpoints.orders, []);
});
