/** When simulated callers call: in order of time, and as many as there should be. */
import * as fc from 'fast-check';
import t from 'tap';
import { loadText } from '../../src/config/load.js';
import { seeded } from '../../src/simulation/chance.js';
import { gather, generateTraffic, multiply, type Arrival } from '../../src/simulation/traffic.js';

function upstreamWith(routes: readonly unknown[]) {
  const text = JSON.stringify({
    upstreams: { catalog: { listen: 8101, target: 'http://10.0.0.1', routes } },
  });
  return loadText(text, 'test.yaml', {}).config!.upstreams[0]!;
}

const at = (...times: number[]): Arrival[] =>
  times.map((atMs) => ({ atMs, method: 'GET', path: `/${atMs}` }));

const timesOf = (traffic: Iterable<Arrival>) => [...traffic].map(({ atMs }) => atMs);

t.test('calls come at the rate that is asked for, and the same each time', async (t) => {
  const upstream = upstreamWith([]);
  const timesWith = (seed: number) =>
    timesOf(generateTraffic(upstream, 100, 100_000, seeded(seed)));
  const first = timesWith(1);
  t.ok(Math.abs(first.length - 10_000) < 300, `${first.length}`);
  t.equal(timesWith(1).join(), first.join());
  t.not(timesWith(2).join(), first.join());
});

t.test('each route is called as often as what belongs to none', async (t) => {
  const upstream = upstreamWith([
    { name: 'search', match: { path: '/search/*' } },
    { name: 'order', match: { methods: ['POST'], path: '/orders/:id/items' } },
  ]);
  const counts = new Map<string, number>();
  for (const { method, path } of generateTraffic(upstream, 100, 30_000, seeded(1))) {
    counts.set(`${method} ${path}`, (counts.get(`${method} ${path}`) ?? 0) + 1);
  }
  t.same([...counts.keys()].toSorted(), ['GET /', 'GET /search/1', 'POST /orders/1/items']);
  for (const [request, count] of counts) t.ok(Math.abs(count - 1000) < 150, `${request}: ${count}`);
});

t.test('more of a request come before the next one, and only in the span', async (t) => {
  const traffic = multiply(at(0, 10, 20, 30), { fromMs: 10, toMs: 20 }, 5);
  t.same(timesOf(traffic), [0, 10, 12, 14, 16, 18, 20, 30]);
  t.same(timesOf(multiply(at(5), { fromMs: 0, toMs: 10 }, 3)), [5, 5, 5]);
});

t.test('a herd comes at the end of its time, and before the end of the span', async (t) => {
  const herd = { everyMs: 10, withinMs: 1 };
  const times = timesOf(
    gather(at(1, 21, 22, 29, 31, 44, 46), { fromMs: 20, toMs: 45 }, herd, seeded(1)),
  );
  t.equal(times[0], 1);
  t.ok(
    times.slice(1, 4).every((ms) => ms >= 29 && ms <= 30),
    times.join(),
  );
  t.ok(times[4]! >= 39 && times[4]! <= 40, times.join());
  t.ok(times[5]! >= 44 && times[5]! <= 45, times.join());
  t.equal(times[6], 46);
});

t.test('a herd whose time is cut short does not come before the span', async (t) => {
  const herd = { everyMs: 30, withinMs: 5 };
  const [before, ...times] = timesOf(gather(at(4, 5, 5), { fromMs: 5, toMs: 6 }, herd, seeded(3)));
  t.equal(before, 4);
  t.ok(
    times.every((ms) => ms >= 5 && ms <= 6),
    times.join(),
  );
});

t.test('no request is lost or out of order, whatever the times', async (t) => {
  const times = fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 60 });
  fc.assert(
    fc.property(times, fc.nat(200), fc.nat(100), (list, fromMs, length) => {
      const sorted = list.toSorted((a, b) => a - b);
      const span = { fromMs, toMs: fromMs + length };
      const herd = { everyMs: 30, withinMs: 5 };
      const gathered = timesOf(gather(at(...sorted), span, herd, seeded(3)));
      t.equal(gathered.length, list.length);
      t.same(
        gathered,
        gathered.toSorted((a, b) => a - b),
      );
      const inSpan = list.filter((ms) => ms >= span.fromMs && ms < span.toMs).length;
      const multiplied = timesOf(multiply(at(...sorted), span, 3));
      t.equal(multiplied.length, list.length + 2 * inSpan);
      t.same(
        multiplied,
        multiplied.toSorted((a, b) => a - b),
      );
    }),
  );
});
