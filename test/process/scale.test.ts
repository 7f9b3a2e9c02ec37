/** A file of a thousand upstreams: it starts, every call finds its own, and a scrape has nothing of those without calls. */
import t from 'tap';
import { routeByPrefix } from '../../src/inbound/router.js';
import type { Upstream } from '../../src/upstream/upstream.js';
import { send, startSidecar, startUpstream } from '../support/sidecar.js';

const UPSTREAMS = 1000;
const ROUTES = 3;

const scopeFor = () => ({}) as ReturnType<Upstream['scopeFor']>;

const yamlOf = (port: number): string => {
  const lines = ['server: { listen: "127.0.0.1:0" }', 'upstreams:'];
  for (let i = 0; i < UPSTREAMS; i++) {
    lines.push(
      `  u${i}:`,
      `    prefix: /u${i}`,
      `    target: "http://127.0.0.1:${port}/t${i}"`,
      '    routes:',
    );
    for (let k = 0; k < ROUTES; k++) {
      lines.push(`      - { name: r${k}, match: { path: "/r${k}/*" }, circuitBreaker: {} }`);
    }
  }
  return lines.join('\n');
};

t.test('a file of a thousand upstreams starts, and every call finds its own', async (t) => {
  const upstream = await startUpstream(t, (request, response) => response.end(request.url));
  const sidecar = await startSidecar(t, yamlOf(upstream.port));
  const url = sidecar.url('server');
  for (const i of [0, 1, 10, 100, 499, 998, 999]) {
    const { status, text } = await send(`${url}/u${i}/r${i % ROUTES}/item`);
    t.equal(status, 200);
    t.equal(text, `/t${i}/r${i % ROUTES}/item`);
  }
  t.equal((await send(`${url}/u${UPSTREAMS}/r0/item`)).status, 404);

  const metrics = await (await fetch(`${sidecar.admin}/metrics`)).text();
  const counted = metrics.match(/^breakwater_requests_total\{.*upstream="u\d+".*\} 1$/gm) ?? [];
  t.equal(counted.length, 7, 'a series for those that were called, and only for them');
  const buckets = metrics.match(/^breakwater_request_duration_seconds_count\{upstream="u/gm) ?? [];
  t.ok(buckets.length <= 7, `${buckets.length} histograms: the dearest are there on demand only`);

  const { circuits } = (await sidecar.json('/circuits')) as { circuits: unknown[] };
  t.equal(circuits.length, UPSTREAMS * (ROUTES + 1));
});

t.test('a call is looked up once per segment, however many prefixes there are', async (t) => {
  const lookUps = (count: number): number => {
    let asked = 0;
    class Counting extends Map<string, Upstream> {
      override get(key: string): Upstream | undefined {
        asked += 1;
        return super.get(key);
      }
    }

    const upstreams = new Counting();
    for (let i = 0; i < count; i++) upstreams.set(`/u${i}`, { scopeFor } as unknown as Upstream);
    const router = routeByPrefix(upstreams, () => {});
    t.equal(router.route('GET', `/u${count - 1}/a/b?c`).path, '/a/b?c');
    return asked;
  };
  t.equal(lookUps(10), 3);
  t.equal(lookUps(10_000), 3);
});
