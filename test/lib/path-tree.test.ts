/** Routes are chosen by the path that the upstream will see. */
import * as fc from 'fast-check';
import t from 'tap';
import { resolvePath, RouteTable, type MatchPattern } from '../../src/lib/path-tree.js';

const resolved: readonly (readonly [string, string])[] = [
  ['/', '/'],
  ['/a/b', '/a/b'],
  ['/a/', '/a/'],
  ['/a.b/.well-known', '/a.b/.well-known'],
  ['/a?x=/../b', '/a'],
  ['/a#b', '/a'],
  ['/a/../search/x', '/search/x'],
  ['/a/./b', '/a/b'],
  ['/a/.', '/a/'],
  ['/a/b/..', '/a/'],
  ['/../../a', '/a'],
  ['/..', '/'],
  ['//a///b', '/a/b'],
  ['/a\\..\\b', '/b'],
  ['/%73earch/%78', '/search/x'],
  ['/a/%2e%2E/b', '/b'],
  ['/a/.%2e/b', '/b'],
  ['/a%2fb', '/a%2Fb'],
  ['/a%5cb', '/a%5Cb'],
  ['/%252e%252e/a', '/%252e%252e/a'],
  ['/caf%c3%a9', '/caf%C3%A9'],
  ['/caf\u00c3\u00a9', '/caf%C3%A9'],
  ['/100%/%zz', '/100%/%zz'],
  ['/...', '/...'],
  ['', '/'],
];

void t.test('resolves a path as upstreams do', (t) => {
  for (const [target, path] of resolved) t.equal(resolvePath(target), path, target);
  t.end();
});

const matched: readonly (readonly [string, string, boolean])[] = [
  ['/search', '/search', true],
  ['/search', '/search?q=1', true],
  ['/search', '/search/', false],
  ['/search', '/Search', false],
  ['/search/*', '/search/x', true],
  ['/search/*', '/search/x/y', true],
  ['/search/*', '/search/', true],
  ['/search/*', '/search', false],
  ['/search/*', '/searching', false],
  ['/search/*', '/a/../search/x', true],
  ['/search/*', '/search/../a', false],
  ['/search/*', '/%73earch/x', true],
  ['/*', '/', true],
  ['/*', '/a/b', true],
  ['/users/:id', '/users/7', true],
  ['/users/:id', '/users/', false],
  ['/users/:id', '/users/7/', false],
  ['/users/:id', '/users/7/orders', false],
  ['/users/:id/*', '/users/7/orders', true],
  ['/users/:id/*', '/users/7', false],
  ['/v1.0/:id', '/v1x0/7', false],
  ['/caf\u00e9/:id', '/caf%c3%a9/7', true],
  ['/a b', '/a%20b', true],
];

void t.test('matches exact paths, everything below a path, and named segments', (t) => {
  for (const [pattern, path, expected] of matched) {
    const routes = new RouteTable([{ methods: undefined, path: pattern }]);
    t.equal(routes.find('GET', path), expected ? 0 : -1, `${pattern} on ${path}`);
  }
  t.end();
});

void t.test('tells methods apart, by case too', (t) => {
  const routes = new RouteTable([{ methods: ['GET', 'HEAD'], path: undefined }]);
  t.equal(routes.find('GET', '/any'), 0);
  t.equal(routes.find('HEAD', '/any'), 0);
  t.equal(routes.find('POST', '/any'), -1);
  t.equal(routes.find('get', '/any'), -1);
  t.end();
});

/** One pattern by itself, as its documentation reads. */
function fits({ methods, path: pattern }: MatchPattern, method: string, path: string): boolean {
  if (methods?.includes(method) === false) return false;
  if (pattern === undefined) return true;
  const source = pattern.replace(/:[^/]+/g, '[^/]+').replace(/\*$/, '.*');
  return new RegExp(`^${source}$`).test(path);
}

void t.test('finds the first of many patterns that fits', (t) => {
  const segment = fc.constantFrom('a', 'b', ':x', ':y');
  const pattern = fc.record({
    methods: fc.constantFrom(undefined, ['GET'], ['POST', 'PUT']),
    path: fc.option(
      fc
        .tuple(fc.array(segment, { maxLength: 4 }), fc.constantFrom('', '/', '/*'))
        .map(([segments, end]) => `/${segments.join('/')}${end}`.replace('//', '/')),
      { nil: undefined },
    ),
  });
  const path = fc
    .tuple(fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 5 }), fc.constantFrom('', '/'))
    .map(([segments, end]) => `/${segments.join('/')}${end}`.replace('//', '/'));
  fc.assert(
    fc.property(
      fc.array(pattern, { maxLength: 12 }),
      fc.constantFrom('GET', 'POST'),
      path,
      (patterns, method, path) => {
        const expected = patterns.findIndex((each) => fits(each, method, path));
        t.equal(new RouteTable(patterns).find(method, path), expected);
      },
    ),
    { numRuns: 500 },
  );
  t.end();
});

void t.test('resolves no path further the second time', (t) => {
  const part = fc.constantFrom('/', '\\', '.', '..', '%2e', '%2F', 'a', '%25', '%', '?', ' ', 'é');
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      const once = resolvePath(`/${parts.join('')}`);
      // What one decoding leaves may read as an escape: upstreams decode once as well.
      fc.pre(!/%25|%%/.test(parts.join('')));
      t.equal(resolvePath(once), once);
    }),
  );
  t.end();
});

void t.test('takes no longer than linear time on long paths', (t) => {
  const path = `/${'a/'.repeat(500_000)}%`;
  const startedMs = performance.now();
  resolvePath(path);
  new RouteTable([{ methods: undefined, path: '/:a/:b/c' }]).find('GET', path);
  const tookMs = performance.now() - startedMs;
  // Quadratic time would be minutes.
  t.ok(tookMs < 5000, `${tookMs} ms`);
  t.end();
});
