import { join } from 'node:path';
import t from 'tap';
import { loadText } from '../../src/config/load.js';

const load = (yaml: string, folder = '') => loadText(yaml, join(folder, 'breakwater.yaml'), {});

/** `LINE:COLUMN: PATH: MESSAGE` of each diagnostic. */
const problemsOf = (yaml: string) =>
  load(yaml).diagnostics.map(
    ({ line, column, path, message }) => `${line}:${column}: ${path}: ${message}`,
  );

/** A file with one upstream, whose `fallback` begins in line 5. */
const withSources = (...lines: string[]) =>
  ['upstreams:', '  a:', '    listen: 1', '    target: http://a', '    fallback:', ...lines]
    .map((line, i) => (i < 5 ? line : `      ${line}`))
    .join('\n');

/** `LINE: PATH: MESSAGE` of each loop. */
const loops = (yaml: string) =>
  load(yaml)
    .diagnostics.filter(({ rule }) => rule === 'fallback-loop')
    .map(({ line, path, message }) => `${line}: ${path}: ${message.split(';')[0]}`);

t.test('is off unless it is written', async (t) => {
  const { config } = load('upstreams: { a: { listen: 1, target: "http://a" } }');
  t.equal(config?.upstreams[0]?.policies.fallback, 'off');
});

t.test('decodes sources and fills in their defaults', async (t) => {
  const folder = t.testdir({ 'empty.bin': Buffer.from([0xff, 0]) });
  const sources = withSources(
    '- cache: {}',
    '- cache: { ttl: 90s }',
    '- upstream: b',
    '- static: { headers: { X-A: b, Retry-After: 30 }, body: text }',
    '- static: { status: 503, bodyFile: empty.bin }',
  );
  const yaml = `${sources}\n  b: { listen: 2, target: http://b }`;
  const { config, diagnostics } = load(yaml, folder);
  t.same(diagnostics, []);
  t.same(config?.upstreams[0]?.policies.fallback, [
    { cache: { ttl: 3_600_000 } },
    { cache: { ttl: 90_000 } },
    { upstream: 'b' },
    { static: { status: 200, headers: { 'X-A': 'b', 'Retry-After': 30 }, body: 'text' } },
    { static: { status: 503, body: Buffer.from([0xff, 0]), bodyFile: 'empty.bin' } },
  ]);
});

t.test('replaces an inherited list as a whole', async (t) => {
  const { config } = load(`
defaults: { fallback: [{ cache: {} }, { static: { body: x } }] }
profiles: { p: { fallback: [{ cache: { ttl: 1m } }] } }
upstreams:
  a: { listen: 1, target: http://a }
  b: { listen: 2, target: http://b, profile: p }
  c:
    listen: 3
    target: http://c
    fallback: off
    routes:
      - { name: r, match: { path: /r }, fallback: [{ static: { status: 204 } }] }
`);
  const [a, b, c] = config!.upstreams.map(({ policies }) => policies.fallback);
  t.equal(a?.length, 2);
  t.same(b, [{ cache: { ttl: 60_000 } }]);
  t.equal(c, 'off');
  t.same(config!.upstreams[2]?.routes[0]?.policies.fallback, [{ static: { status: 204 } }]);
});

t.test('tells each mistake where it is', async (t) => {
  t.same(
    problemsOf(
      withSources(
        '- upstream: aa',
        '- { cache: {}, upstream: a }',
        '- {}',
        '- cach: {}',
        '- cache: { ttl: 60 }',
        '- static: { status: 99 }',
        '- static: { body: x, bodyFile: none.txt }',
        '- static: { headers: { X-A: 1, x-a: 2, "X B": 3, Content-Length: 4 } }',
        '- static: { headers: { X-A: "a\\r\\nX-B: b" } }',
      ),
    ),
    [
      '6:19: upstreams.a.fallback[0].upstream: no upstream is named "aa"; did you mean "a"? defined are a',
      '7:9: upstreams.a.fallback[1]: must have exactly one of `cache`, `upstream` and `static`',
      '7:32: upstreams.a.fallback[1].upstream: leads back: a -> a; switch `fallback` off or change it in one of them',
      '8:9: upstreams.a.fallback[2]: must have exactly one of `cache`, `upstream` and `static`',
      '9:9: upstreams.a.fallback[3].cach: is an unknown key; did you mean "cache"? allowed are cache, upstream and static',
      '10:23: upstreams.a.fallback[4].cache.ttl: must be a duration such as 250ms, 1.5s, 2m or 1h, but is 60; did you mean "60s" or "60ms"?',
      '11:27: upstreams.a.fallback[5].static.status: must be a whole number from 200 to 599, but is 99',
      '12:28: upstreams.a.fallback[6].static.bodyFile: cannot stand beside `body`; keep one of the two',
      '12:38: upstreams.a.fallback[6].static.bodyFile: cannot read "none.txt", looked for from the folder of this file: ENOENT',
      '13:38: upstreams.a.fallback[7].static.headers.x-a: is written twice, first in line 13; header names are not case-sensitive',
      '13:46: upstreams.a.fallback[7].static.headers["X B"]: is not the name of a header',
      '13:56: upstreams.a.fallback[7].static.headers.Content-Length: is set by Breakwater itself',
      '14:35: upstreams.a.fallback[8].static.headers.X-A: must be one line of Latin-1 text, without control characters',
    ],
  );
  t.same(problemsOf(withSources().replace('fallback:', 'fallback: []')), [
    '5:15: upstreams.a.fallback: must be a list that is not empty, but is an empty list',
  ]);
  t.same(problemsOf(withSources().replace('fallback:', 'fallback: none')), [
    '5:15: upstreams.a.fallback: must be a list that is not empty, or off, but is "none"; did you mean "off"?',
  ]);
});

t.test('finds chains that lead back, wherever they are written', async (t) => {
  t.same(
    loops(`upstreams:
  a: { listen: 1, target: http://a, fallback: [{ upstream: b }] }
  b: { listen: 2, target: http://b, fallback: [{ cache: {} }, { upstream: c }] }
  c:
    listen: 3
    target: http://c
    routes:
      - { name: r, match: { path: /r }, fallback: [{ upstream: a }] }
`),
    ['8: upstreams.c.routes[0].fallback[0].upstream: leads back: a -> b -> c -> a'],
  );
  t.same(
    loops(`defaults: { fallback: [{ upstream: spare }] }
upstreams:
  a: { listen: 1, target: http://a }
  spare: { listen: 2, target: http://b }
`),
    ['1: defaults.fallback[0].upstream: leads back: spare -> spare'],
  );
  t.same(
    loops(`defaults: { fallback: [{ upstream: spare }] }
profiles: { last: { fallback: off } }
upstreams:
  a: { listen: 1, target: http://a }
  b: { listen: 3, target: http://a, fallback: [{ upstream: a }] }
  spare: { listen: 2, target: http://b, profile: last }
`),
    [],
  );
});
