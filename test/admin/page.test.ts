/** The live page without a browser: what it knows, and how it says it. */
import t from 'tap';
import * as format from '../../src/admin/page/format.js';
import { Model } from '../../src/admin/page/model.js';
import { asCurl, asPromQl, asText } from '../../src/admin/page/text.js';
import { AT, message, row, slot } from '../support/live-rows.js';

const history = (...calls: number[]) => {
  const list = [...Array.from({ length: 60 - calls.length }, () => 0), ...calls];
  return {
    calls: list,
    failed: list.map(() => 0),
    refused: list.map(() => 0),
    degradedShare: list.map(() => 0),
    p50: list.map(() => null),
    p99: list.map(() => null),
    circuit: list.map(() => 'closed'),
  };
};

const callsOf = (model: Model, name: string) => model.upstreams.get(name)!.history.calls;

t.test('slots go on with updates, with gaps, and for upstreams without news', async (t) => {
  const model = new Model();
  const first = { ...row('a'), history: history(1, 2, 3), slot: slot({ calls: 3 }) };
  model.take(message(10, [first, { ...row('b'), history: null }]), true);
  t.same(callsOf(model, 'a').slice(-4), [0, 1, 2, 3]);
  t.equal(callsOf(model, 'b').length, 60);
  model.take(message(10, [row('a', 0, { slot: slot({ calls: 4 }) })]), false);
  t.same(callsOf(model, 'a').slice(-3), [1, 2, 4]);
  const before = slot({ calls: 5 });
  model.take(message(11, [{ ...row('a', 0, { slot: slot({ calls: 1 }) }), before }]), false);
  t.same(callsOf(model, 'a').slice(-4), [1, 2, 5, 1]);
  model.take(message(13, []), false);
  t.same(callsOf(model, 'a').slice(-4), [5, 1, 0, 0]);
  t.equal(callsOf(model, 'a').length, 60);
  model.take(message(500, []), false);
  t.ok(callsOf(model, 'a').every((count) => count === 0));
  t.equal(callsOf(model, 'a').length, 60);
});

t.test('a circuit without news stays in its state', async (t) => {
  const model = new Model();
  model.take(message(1, [row('a', 90, { slot: slot({ circuit: 'open' }) })]), false);
  model.take(message(3, []), false);
  t.same(model.upstreams.get('a')!.history.circuit.slice(-4), ['closed', 'open', 'open', 'open']);
});

t.test('upstreams go when they are removed, or are not in a message with everything', async (t) => {
  const model = new Model();
  model.take(message(1, [row('a'), row('b'), row('c')]), true);
  model.take(message(1, [], ['a']), false);
  t.same([...model.upstreams.keys()], ['b', 'c']);
  model.take(message(1, [{ ...row('c'), history: history(9) }]), true);
  t.same([...model.upstreams.keys()], ['c']);
  t.equal(callsOf(model, 'c').length, 60);
});

t.test('worst first, found by name, target or state', async (t) => {
  const model = new Model();
  const b = row('b', 0, { callsPerSecond: 50, goodShare: 1, latencyMs: null });
  const c = row('c', 55, { goodShare: null });
  model.take(message(1, [row('a'), b, c, row('d', 60)]), true);
  const names = (...args: Parameters<Model['select']>) =>
    model.select(...args).map((known) => known.row.name);
  t.same(names('', 'trouble', false), ['d', 'c', 'a', 'b']);
  t.same(names('', 'name', false), ['a', 'b', 'c', 'd']);
  t.same(names('', 'calls', false), ['b', 'a', 'c', 'd']);
  t.same(names('', 'good', false), ['a', 'd', 'b', 'c'], 'the worst share; without calls last');
  t.same(names('', 'p99', false), ['a', 'c', 'd', 'b']);
  t.same(names('', 'name', true), ['c', 'd']);
  t.same(names('FAILING c.int', 'name', false), ['c']);
  t.same(names('nothing', 'name', false), []);
  t.equal(model.summary(), '2 of 4 in trouble. Worst: d (failing).');
  model.take(message(1, [row('c'), row('d')]), false);
  t.equal(model.summary(), 'All 4 upstreams are well.');
});

t.test('a thousand upstreams are sorted in a moment', async (t) => {
  const model = new Model();
  const all = Array.from({ length: 1000 }, (_, i) => ({ ...row(`u${i}`, i % 90), history: null }));
  model.take(message(1, all), true);
  const began = performance.now();
  for (let i = 0; i < 10; i++) model.select('u', 'trouble', false);
  t.ok(performance.now() - began < 2000);
});

t.test('numbers are never rounded to all or nothing', async (t) => {
  t.same(
    [null, 0, 1, 0.0001, 0.9999, 0.995, 0.5, 0.05].map((share) => format.formatShare(share)),
    ['–', '0%', '100%', '<0.1%', '>99.9%', '99.5%', '50%', '5.0%'],
  );
  t.same([0, 0.01, 3.14, 12345].map(format.formatRate), ['0', '<0.1', '3.1', '12,345']);
  t.same(
    [null, 0.5, 1.5, 112, 1500, 30_000].map((ms) => format.formatMs(ms)),
    ['–', '<1 ms', '1.5 ms', '112 ms', '1.5 s', '30 s'],
  );
  t.same([0, 119_000, 120_000, 7_200_000, 172_800_000].map(format.formatSpan), [
    '0 s',
    '119 s',
    '2 min',
    '2 h',
    '2 d',
  ]);
  t.equal(format.formatBytes(1.5 * 2 ** 30), '1.5 GiB');
});

t.test('copies are ready to paste: quoted for a shell, and without the token', async (t) => {
  const order = { method: 'PUT', path: '/circuits/a', body: { reason: "it's $HOME" } } as const;
  t.equal(
    asCurl('http://localhost:9900', order, true),
    `curl -X PUT -H "Authorization: Bearer $ADMIN_TOKEN" -H 'Content-Type: application/json' -d '{"reason":"it'\\''s $HOME"}' 'http://localhost:9900/circuits/a'`,
  );
  t.notMatch(asCurl('http://localhost:9900', order, false), /Authorization/);
  t.equal(asPromQl({ calls: 'sum(x)', good: 'y' }), '# calls\nsum(x)\n# good\ny');
  const lastError = { message: 'Cannot connect', at: AT };
  t.same(asText(row('a', 50, { lastError }), AT).split('\n'), [
    `a: failing since ${AT} (as of ${AT})`,
    '40% of the calls fail: Cannot connect.',
    'Callers: In the last 15 s, 60% got a good response.',
    'Ends when: Calls succeed again.',
    '5.0 calls/s, 60% good, 0% fallback',
    'attempts p50 5 ms, p95 20 ms, p99 112 ms',
    'slots 2/10, 0 waiting',
    `last upstream error ${AT}: Cannot connect`,
  ]);
});

t.test('faults are told with their end', async (t) => {
  const faults = [
    {
      route: '',
      summary: 'aborts 10% of the attempts with 503',
      until: '2026-03-02T10:24:04.000Z',
    },
    { route: 'search', summary: 'resets 1% of the attempts', until: null },
  ];
  const text = format.describeFaults(row('a', 0, { faults }), '2026-03-02T10:15:04.000Z');
  t.match(
    text,
    /^Fault: aborts 10% of the attempts with 503, until \d\d:\d\d:04, for another 9 min\. /,
  );
  t.match(text, / Fault of route search: resets 1% of the attempts, without an end\.$/);
  t.equal(format.describeFaults(row('a', 0), AT), '');
});
