/** The lint calls a route hidden if, and only if, no request ever takes it. */
import * as fc from 'fast-check';
import t from 'tap';
import { checkText } from '../../src/config/check.js';
import { RouteTable, type MatchPattern } from '../../src/lib/path-tree.js';

const SEGMENTS = ['a', 'b', ':x'];

/** All patterns of up to two segments, with their variants: everything below, and a slash at the end. */
const paths = SEGMENTS.flatMap((first) => [
  `/${first}`,
  ...SEGMENTS.map((second) => `/${first}/${second}`),
]).flatMap((path) => [path, `${path}/`, `${path}/*`]);

const pattern: fc.Arbitrary<MatchPattern> = fc.record({
  methods: fc.constantFrom(undefined, ['GET'], ['PUT'], ['GET', 'PUT']),
  path: fc.constantFrom(undefined, '/', '/*', ...paths),
});

function targetsBelow(path: string, depth: number): string[] {
  if (depth === 0) return [];
  return ['a', 'b', 'c'].flatMap((segment) => {
    const next = `${path}/${segment}`;
    return [next, `${next}/`, ...targetsBelow(next, depth - 1)];
  });
}

/** Enough to tell any two patterns apart: a segment more than they have, and a segment and a method that none names. */
const targets = ['/', ...targetsBelow('', 3)];
const METHODS = ['GET', 'PUT', 'POST'];

const isReached = (patterns: readonly MatchPattern[], number: number) => {
  const table = new RouteTable(patterns);
  return METHODS.some((method) => targets.some((target) => table.find(method, target) === number));
};

function hiddenRoutes(patterns: readonly MatchPattern[]): number[] {
  const routes = patterns.map((match, i) => ({ name: `r${i}`, match }));
  const file = { upstreams: { a: { listen: 1, target: 'http://a', routes } } };
  return checkText(JSON.stringify(file), 'f.yaml', {})
    .diagnostics.filter(({ rule }) => rule === 'hidden-route')
    .map(({ path }) => Number(/routes\[(\d+)\]/.exec(path)![1]));
}

t.test('hides no route that a request takes, and finds those that none takes', async (t) => {
  fc.assert(
    fc.property(fc.tuple(pattern, pattern), (patterns) => {
      t.strictSame(hiddenRoutes(patterns), isReached(patterns, 1) ? [] : [1]);
    }),
  );
});

t.test('hides no route of several that a request takes', async (t) => {
  fc.assert(
    fc.property(fc.array(pattern, { minLength: 3, maxLength: 5 }), (patterns) => {
      for (const number of hiddenRoutes(patterns)) t.notOk(isReached(patterns, number));
      t.pass('each looked at');
    }),
  );
});
