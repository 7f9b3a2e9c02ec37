import t from 'tap';
import { endpoint, fakeProxy } from './fake-proxy.js';

t.test('serves the metrics under their content type', async (t) => {
  const { app } = fakeProxy();
  const response = await app.inject('/metrics');
  t.equal(response.statusCode, 200);
  t.equal(response.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  t.equal(response.body, 'up 1\n');
});

t.test('is healthy while it runs, and ready only while the proxy is', async (t) => {
  let isReady = false;
  const { options } = fakeProxy();
  const inspection = { ...options.inspection, isReady: () => isReady };
  const { app } = fakeProxy({ inspection });
  const healthy = await app.inject('/healthz');
  t.equal(healthy.statusCode, 200);
  t.same(healthy.json(), { status: 'ok' });
  t.equal((await app.inject('/readyz')).statusCode, 503);
  isReady = true;
  t.equal((await app.inject('/readyz')).statusCode, 200);
});

t.test('lists every circuit of its own, and no others', async (t) => {
  const response = await fakeProxy().app.inject('/circuits');
  t.equal(response.statusCode, 200);
  const entry = {
    state: 'open',
    consecutiveFailures: 5,
    failureRate: 0.25,
    since: '2026-01-02T03:04:05.678Z',
    retryAfterMs: 1200,
  };
  t.same(response.json(), {
    circuits: [
      { upstream: 'catalog', route: '', ...entry },
      { upstream: 'catalog', route: 'search', ...entry },
    ],
  });
});

t.test(
  "lists upstreams with their own scope's state, and null for what they do not have",
  async (t) => {
    const response = await fakeProxy().app.inject('/upstreams');
    t.same(response.json(), {
      upstreams: [
        {
          name: 'catalog',
          target: 'http://catalog.internal:8080',
          circuit: 'open',
          rateLimit: null,
          bulkhead: { active: 3, queued: 2, limit: 10, streams: 4 },
          retryBudgetRemaining: 30,
          attemptTimeoutMs: 10_000,
          fault: null,
          endpoints: [endpoint],
          shadow: [],
          lastError: {
            message: 'The upstream responded 500',
            at: '2026-01-02T03:04:05.678Z',
          },
        },
        {
          name: 'bare',
          target: 'http://catalog.internal:8080',
          circuit: null,
          rateLimit: null,
          bulkhead: null,
          retryBudgetRemaining: null,
          attemptTimeoutMs: null,
          fault: null,
          endpoints: [],
          shadow: [],
          lastError: null,
        },
      ],
    });
  },
);

t.test('shows the effective configuration', async (t) => {
  t.same((await fakeProxy().app.inject('/config')).json(), {
    upstreams: { catalog: { target: 'http://catalog.internal:8080' } },
  });
});

t.test('needs no token to be read, from wherever', async (t) => {
  const { app } = fakeProxy({ token: () => 'secret' });
  for (const url of ['/metrics', '/healthz', '/readyz', '/circuits', '/upstreams', '/config']) {
    const response = await app.inject({ url, remoteAddress: '192.0.2.1' });
    t.equal(response.statusCode, 200, url);
  }
});

t.test(
  'responds to HEAD, says which build it is, and forbids caches to keep what changes',
  async (t) => {
    const response = await fakeProxy().app.inject({ method: 'HEAD', url: '/circuits' });
    t.equal(response.statusCode, 200);
    t.equal(response.body, '');
    t.equal(response.headers.server, 'breakwater/1.2.3');
    t.equal(response.headers['cache-control'], 'no-store');
  },
);

t.test('tells who asks for an unknown path what there is', async (t) => {
  for (const url of ['/index.html', '/circuitz?x=1', '/circuits/a/b/c']) {
    const response = await fakeProxy().app.inject(url);
    t.equal(response.statusCode, 404, url);
    t.equal(response.headers['content-type'], 'application/problem+json');
    t.same(response.json(), {
      type: 'about:blank',
      title: 'Not Found',
      status: 404,
      detail: `Cannot GET ${url} because there is no such endpoint; there are GET /, GET /metrics, GET /healthz, GET /readyz, GET /circuits, GET /upstreams, GET /upstreams/NAME, GET /explain/NAME, GET /events, GET /config, PUT /circuits/NAME, PUT /circuits/NAME/ROUTE, PUT /endpoints/NAME/ADDRESS, GET /faults, PUT /faults/NAME, PUT /faults/NAME/ROUTE, POST /reload, GET /page/FILE`,
    });
  }
});

t.test('names the methods of a path that was asked with another one', async (t) => {
  const { app, circuits } = fakeProxy();
  const cases = [
    ['POST', '/metrics', 'GET, HEAD'],
    ['DELETE', '/circuits', 'GET, HEAD'],
    ['GET', '/circuits/catalog', 'PUT'],
    ['POST', '/circuits/catalog', 'PUT'],
    ['DELETE', '/circuits/catalog/search', 'PUT'],
  ] as const;
  for (const [method, url, allow] of cases) {
    const response = await app.inject({ method, url, payload: '{"state":"auto"}' });
    t.equal(response.statusCode, 405, `${method} ${url}`);
    t.equal(response.headers.allow, allow);
    t.match(response.json(), {
      status: 405,
      title: 'Method Not Allowed',
      detail: /^Cannot .* because/,
    });
  }
  t.same(circuits.catalog.orders, []);
});

t.test('responds to a path that is not UTF-8 with 400', async (t) => {
  const response = await fakeProxy().app.inject('/circuits/%C3%28');
  t.equal(response.statusCode, 400);
  t.equal(response.headers['content-type'], 'application/problem+json');
});

t.test('logs a defect of its own and responds 500', async (t) => {
  const { app, logs } = fakeProxy({
    metrics: {
      contentTypeFor: () => 'text/plain',
      async *exposition() {
        yield await Promise.reject(new Error('No cells'));
      },
    },
  });
  const response = await app.inject('/metrics');
  t.equal(response.statusCode, 500);
  t.equal(response.json().detail, 'Cannot handle the request because no cells');
  t.match(logs, [{ level: 'error', fields: { path: '/metrics', status: 500 } }]);
});
