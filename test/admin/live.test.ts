import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import t from 'tap';
import type { Live, LiveViewer } from '../../src/core/live.js';
import { createAdmin, type AdminOptions } from '../../src/admin/server.js';
import { eventually, type Teardown } from '../support/sidecar.js';
import { fakeProxy } from './fake-proxy.js';

const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

function fakeLive(changes: Partial<Live> = {}) {
  const viewers = new Set<LiveViewer>();
  const live: Live = {
    watch(viewer) {
      if (viewers.size >= 2) return undefined;
      viewers.add(viewer);
      return () => viewers.delete(viewer);
    },
    snapshot: async function* () {
      yield '{"upstreams":[';
      yield ']}';
    },
    detail: (name) => (name === 'a/b' ? { name } : undefined),
    lastErrors: () => new Map(),
    explain: (name, request) =>
      request === 'bad' ? { problem: 'cannot read it' } : { text: `# ${name} ${request}\n` },
    ...changes,
  };
  return { live, viewers };
}

async function open(t: Teardown, options: AdminOptions): Promise<number> {
  const admin = createAdmin(options);
  t.teardown(() => admin.close());
  const address = await admin.listen({ kind: 'tcp', host: '127.0.0.1', port: 0 });
  return address.kind === 'tcp' ? address.port : 0;
}

async function watch(t: Teardown, port: number): Promise<IncomingMessage> {
  const request = get({ port, host: '127.0.0.1', path: '/events' });
  request.on('error', () => {});
  t.teardown(() => request.destroy());
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.on('error', () => {});
  return response;
}

t.test(
  'GET / is the page where HTML is accepted, and a list of the endpoints elsewhere',
  async (t) => {
    const { app } = fakeProxy();
    const page = await app.inject({ url: '/', headers: browser });
    t.equal(page.statusCode, 200);
    t.equal(page.headers['content-type'], 'text/html; charset=utf-8');
    t.equal(page.headers.vary, 'Accept');
    t.match(page.body, /<title>Breakwater<\/title>/);
    for (const accept of ['*/*', 'application/json', undefined]) {
      const index = await app.inject({ url: '/', headers: accept === undefined ? {} : { accept } });
      t.match(index.headers['content-type'], /^application\/json/);
      t.match(index.json(), { name: 'breakwater', version: '1.2.3' });
      const { endpoints } = index.json();
      t.ok(endpoints.some((each: { path: string }) => each.path === '/metrics'));
      t.match(endpoints.at(-2), { method: 'POST', path: '/reload', access: 'write' });
    }
  },
);

t.test(
  'the page and its parts come from here alone, with a policy that allows nothing else',
  async (t) => {
    const { app } = fakeProxy();
    const page = await app.inject({ url: '/', headers: browser });
    const parts = [...page.body.matchAll(/(?:src|href)="([^"#][^"]*)"/g)].map(([, part]) => part!);
    t.ok(parts.length >= 5);
    t.notMatch(page.body, /<script>|<style|style=|\son\w+=/, 'nothing is inline');
    const modules = new Set(parts);
    let size = page.body.length;
    for (const part of modules) {
      t.match(part, /^\/page\//);
      const response = await app.inject(part);
      t.equal(response.statusCode, 200, part);
      size += response.rawPayload.length;
      const policy = String(response.headers['content-security-policy']);
      t.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/);
      t.notMatch(policy, /unsafe|https?:|\*/);
      t.match(policy, /frame-ancestors 'none'/);
      t.equal(response.headers['x-content-type-options'], 'nosniff');
      t.equal(response.headers['access-control-allow-origin'], undefined);
      const type = response.headers['content-type'];
      if (part.endsWith('.js')) t.equal(type, 'text/javascript; charset=utf-8');
      // Modules import each other.
      for (const [, name] of response.body.matchAll(/^import .* from '\.\/([\w.]+)'/gm)) {
        modules.add(`/page/${name}`);
      }
    }
    t.ok(modules.size > 14, 'modules are followed');
    t.ok(size < 150_000, `${size} bytes`);
    t.equal(page.headers['content-security-policy'] !== undefined, true);
    for (const file of ['secret', '..%2fserver.js', 'main.js.map', '%2e%2e/server.js']) {
      t.equal((await app.inject(`/page/${file}`)).statusCode, 404, file);
    }
  },
);

t.test('GET /events streams what the feed sends, as long as the client stays', async (t) => {
  const { live, viewers } = fakeLive();
  const port = await open(t, fakeProxy({ live }).options);
  const response = await watch(t, port);
  t.equal(response.statusCode, 200);
  t.equal(response.headers['content-type'], 'text/event-stream');
  t.equal(response.headers['cache-control'], 'no-store');
  t.equal(response.headers['access-control-allow-origin'], undefined);
  let text = '';
  response.on('data', (data: Buffer) => (text += data.toString()));
  const [viewer] = viewers;
  t.ok(viewer!.isReady());
  viewer!.send('id: 1\nevent: state\ndata: {}\n\n');
  await eventually('the message came', () => text.includes('data: {}'));
  t.equal(text, 'retry: 2000\n\nid: 1\nevent: state\ndata: {}\n\n');
  response.destroy();
  await eventually('the viewer is gone', () => viewers.size === 0);
});

t.test('a viewer that does not read is not ready any more, and can be dropped', async (t) => {
  const { live, viewers } = fakeLive();
  const port = await open(t, fakeProxy({ live }).options);
  const response = await watch(t, port);
  response.pause();
  const [viewer] = viewers;
  for (let i = 0; i < 400 && viewer!.isReady(); i++) {
    viewer!.send(`data: ${'x'.repeat(100_000)}\n\n`);
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.notOk(viewer!.isReady());
  viewer!.drop();
  await eventually('the viewer is gone', () => viewers.size === 0);
});

t.test(
  'one viewer too many is told to come back, and other requests are still served',
  async (t) => {
    const { live } = fakeLive();
    const { options } = fakeProxy({ live });
    const port = await open(t, options);
    await watch(t, port);
    await watch(t, port);
    const third = await watch(t, port);
    t.equal(third.statusCode, 503);
    t.equal(third.headers['retry-after'], '10');
    third.resume();
    t.equal((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200);
    const once = await fetch(`http://127.0.0.1:${port}/events`, {
      headers: { accept: 'application/json' },
    });
    t.same(await once.json(), { upstreams: [] }, 'once, as JSON, it can be had');
  },
);

t.test('a stream of an address that has moved ends with the next message', async (t) => {
  const { live, viewers } = fakeLive();
  const admin = createAdmin(fakeProxy({ live }).options);
  t.teardown(() => admin.close());
  const address = await admin.listen({ kind: 'tcp', host: '127.0.0.1', port: 0 });
  const response = await watch(t, address.kind === 'tcp' ? address.port : 0);
  response.resume();
  admin.closeGently();
  const [viewer] = viewers;
  viewer!.send('data: {}\n\n');
  await once(response, 'end');
  t.equal(viewers.size, 0);
});

t.test('HEAD of the stream ends', async (t) => {
  const { live, viewers } = fakeLive();
  const response = await fakeProxy({ live }).app.inject({ method: 'HEAD', url: '/events' });
  t.equal(response.statusCode, 200);
  t.equal(response.headers['content-length'], undefined, 'nobody knows how long it is');
  t.equal(viewers.size, 0);
});

t.test('a page of another origin may not read the stream', async (t) => {
  const { live } = fakeLive();
  const { app } = fakeProxy({ live });
  for (const origin of ['http://evil.example', 'null', 'http://localhost:3000']) {
    const response = await app.inject({
      url: '/events',
      headers: { origin, host: 'localhost:9900' },
    });
    t.equal(response.statusCode, 403, origin);
  }
});

t.test('GET /upstreams/NAME has the details, GET /explain/NAME the policy', async (t) => {
  const { live } = fakeLive();
  const { app } = fakeProxy({ live });
  t.same((await app.inject('/upstreams/a%2Fb')).json(), { name: 'a/b' });
  t.equal((await app.inject('/upstreams/unknown')).statusCode, 404);
  const text = await app.inject('/explain/a%2Fb?request=GET%20%2Fx');
  t.equal(text.headers['content-type'], 'text/plain; charset=utf-8');
  t.equal(text.body, '# a/b GET /x\n');
  const bad = await app.inject('/explain/a%2Fb?request=bad');
  t.equal(bad.statusCode, 400);
  t.match(bad.json().detail, /cannot read it/);
  t.equal((await app.inject('/explain/unknown?request=bad')).statusCode, 404);
});

t.test('without a token the live page may write, and no other page', async (t) => {
  const cases: [host: string, origin: string, status: number][] = [
    ['localhost:9900', 'http://localhost:9900', 200],
    ['127.0.0.1:9900', 'http://127.0.0.1:9900', 200],
    ['[::1]:9900', 'http://[::1]:9900', 200],
    ['localhost:9900', 'http://localhost:3000', 403],
    ['localhost:9900', 'http://evil.example', 403],
    // DNS rebinding: the page is of the same origin, but the name is not the machine's own.
    ['evil.example:9900', 'http://evil.example:9900', 403],
    ['localhost.evil.example:9900', 'http://localhost.evil.example:9900', 403],
    ['127.0.0.1.evil.example', 'http://127.0.0.1.evil.example', 403],
    ['localhost:9900', 'null', 403],
  ];
  for (const [host, origin, status] of cases) {
    const { app, circuits } = fakeProxy();
    const response = await app.inject({
      method: 'PUT',
      url: '/circuits/catalog',
      payload: '{"state":"forced-open","ttl":"10m","reason":"drill"}',
      headers: { host, origin, 'content-type': 'application/json' },
    });
    t.equal(response.statusCode, status, `${origin} at ${host}`);
    t.equal(circuits.catalog.orders.length, status === 200 ? 1 : 0);
  }
});

t.test('no write is allowed to other origins by a preflight', async (t) => {
  const { app } = fakeProxy();
  const headers = { origin: 'http://evil.example', 'access-control-request-method': 'PUT' };
  const response = await app.inject({ method: 'OPTIONS', url: '/circuits/catalog', headers });
  t.equal(response.statusCode, 405);
  t.equal(response.headers['access-control-allow-origin'], undefined);
});

t.test('the reason of an order is logged', async (t) => {
  const { app, logs } = fakeProxy();
  await app.inject({
    method: 'PUT',
    url: '/circuits/catalog',
    payload: '{"state":"forced-open","ttl":"10m","reason":"drill"}',
  });
  await app.inject({ method: 'POST', url: '/reload', payload: '{"reason":"new limits"}' });
  await app.inject({ method: 'POST', url: '/reload', payload: 'no JSON' });
  t.match(logs, [
    { fields: { state: 'forced-open', reason: 'drill' } },
    { fields: { reason: 'new limits' } },
    { fields: { reason: undefined } },
  ]);
  const long = await app.inject({
    method: 'PUT',
    url: '/circuits/catalog',
    payload: JSON.stringify({ state: 'auto', reason: 'x'.repeat(201) }),
  });
  t.equal(long.statusCode, 400);
  t.match(long.json().detail, /reason is not a text of at most 200 characters/);
});
