import t from 'tap';
import { NO_PORT, send, startSidecar, startUpstream } from '../support/sidecar.js';

interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  upstream?: string;
  attempts: number;
  error: { type: string; message: string };
}

t.test(
  'responds to a refused connection with 502 connect-failed, as problem details',
  async (t) => {
    const sidecar = await startSidecar(
      t,
      `upstreams: { a: { listen: 0, target: "http://127.0.0.1:${NO_PORT}", retry: { backoff: { baseDelay: 1ms } } } }`,
    );
    const response = await send(`${sidecar.url('a')}/x`);
    t.equal(response.status, 502);
    t.equal(response.headers['content-type'], 'application/problem+json');
    t.equal(response.headers['x-breakwater-reason'], 'connect-failed');
    t.equal(
      response.headers['proxy-status'],
      'breakwater; error=connection_refused; details="connect-failed"',
    );
    t.equal(response.headers['x-breakwater-attempts'], '3');
    const problem = JSON.parse(response.text) as Problem;
    t.match(problem, {
      type: 'urn:breakwater:connect-failed',
      status: 502,
      upstream: 'a',
      attempts: 3,
    });
    t.same(problem.error, { type: 'connect-failed', message: problem.detail });
    t.match(
      problem.detail,
      /^Cannot connect to a \(http:\/\/127.0.0.1:\d+\) because .*ECONNREFUSED/,
    );
    t.equal(
      await sidecar.metric('breakwater_requests_total', {
        status: '5xx',
        reason: 'connect-failed',
      }),
      1,
    );
    t.equal(await sidecar.metric('breakwater_attempts_total', { outcome: 'unsent' }), 3);
    t.equal(await sidecar.metric('breakwater_retries_total', { cause: 'unsent' }), 2);
  },
);

t.test('responds to a name that does not resolve with 502, and says which', async (t) => {
  const sidecar = await startSidecar(
    t,
    'upstreams: { a: { listen: 0, target: "http://no-such-host.invalid:80", retry: off } }',
  );
  const response = await send(`${sidecar.url('a')}/x`);
  t.equal(response.status, 502);
  t.match(response.text, /no-such-host\.invalid/);
  t.match(response.headers['proxy-status'], /error=dns_error/);
  t.equal((await send(`${sidecar.admin}/healthz`)).status, 200);
});

t.test(
  'responds to an unknown path on the shared listener with 404 and the prefixes there are',
  async (t) => {
    const upstream = await startUpstream(t, (request, response) => response.end(request.url));
    const sidecar = await startSidecar(
      t,
      `server: { listen: 0 }
upstreams:
  a: { prefix: /shop, target: "${upstream.url}" }
  b: { prefix: /shop/cart, target: "${upstream.url}/b" }`,
    );
    const url = sidecar.url('server');
    t.equal((await send(`${url}/shop/x?q`)).text, '/x?q');
    t.equal((await send(`${url}/shop`)).text, '/');
    t.equal((await send(`${url}/shop?q`)).text, '/?q');
    t.equal((await send(`${url}/shop/cart/1`)).text, '/b/1');
    t.equal((await send(`${url}/shop/carton`)).text, '/carton', 'whole segments only');
    const received = await send(`${url}/shopping`);
    t.equal(received.status, 404);
    t.equal(received.headers['x-breakwater-reason'], 'no-route');
    t.match(received.text, /prefixes are \/shop, \/shop\/cart/);
    t.match(JSON.parse(received.text), { upstream: '', attempts: 0 }, 'all members are there');
    t.equal(
      await sidecar.metric('breakwater_requests_total', { upstream: '', reason: 'no-route' }),
      1,
    );
  },
);

t.test('responds to a deadline that it cannot read with 400 and the accepted forms', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end());
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "${upstream.url}" } }`,
  );
  const received = await send(`${sidecar.url('a')}/`, { headers: { 'X-Deadline': 'soon' } });
  t.equal(received.status, 400);
  t.equal(received.headers['x-breakwater-reason'], 'invalid-deadline');
  t.match(received.text, /Unix seconds .* milliseconds .* RFC 3339/);
  t.equal(upstream.seen.length, 0);
});

t.test('sends no body with a refused HEAD and names the wait with every 503', async (t) => {
  const sidecar = await startSidecar(
    t,
    `upstreams:
  a: { listen: 0, target: "http://127.0.0.1:1", retry: off, circuitBreaker: { failureThreshold: 1, recoveryTimeout: 7s } }`,
  );
  t.equal((await send(`${sidecar.url('a')}/`)).status, 502);
  const response = await send(`${sidecar.url('a')}/`, { method: 'HEAD' });
  t.equal(response.status, 503);
  t.equal(response.headers['x-breakwater-reason'], 'circuit-open');
  t.equal(response.headers['retry-after'], '7');
  t.equal(response.text, '');
});
