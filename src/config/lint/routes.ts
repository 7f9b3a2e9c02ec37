/** Lint rules about routes that hide each other. */
import type { MatchPattern } from '../../lib/path-tree.js';
import { resolvePattern } from '../../lib/path-tree.js';
import { listWords } from '../syntax/diagnostics.js';
import { entryOf, itemsOf, valueOf } from '../syntax/source.js';
import type { Found, LintFile, LintRule, LintUpstream } from './scope.js';

interface PathShape {
  readonly segments: readonly string[];
  /** Whether it ends in a wildcard, so that all paths below match too. */
  readonly isOpen: boolean;
}

function shapeOf(path: string): PathShape {
  const isOpen = path.endsWith('/*');
  const [, ...segments] = resolvePattern(isOpen ? path.slice(0, -2) : path).split('/');
  return { segments, isOpen };
}

const isNamed = (segment: string) => segment.startsWith(':');

/** Whether the earlier segment matches all that the later one matches; a name does not match an empty segment. */
const takesSegment = (earlier: string, later: string) =>
  earlier === later || (isNamed(earlier) && later !== '');

function takesPath(earlier: string | undefined, later: string | undefined): boolean {
  // Every path of a request is below `/`.
  if (earlier === undefined || earlier === '/*') return true;
  if (later === undefined) return false;
  const [wide, narrow] = [shapeOf(earlier), shapeOf(later)];
  const isDeepEnough = narrow.isOpen
    ? wide.isOpen && narrow.segments.length >= wide.segments.length
    : wide.isOpen
      ? narrow.segments.length > wide.segments.length
      : narrow.segments.length === wide.segments.length;
  return (
    isDeepEnough && wide.segments.every((segment, i) => takesSegment(segment, narrow.segments[i]!))
  );
}

/** The earlier routes that together take every request of a route; undefined if some requests remain. */
function findHiding(
  route: MatchPattern,
  earlier: readonly (MatchPattern & { readonly name: string })[],
): string[] | undefined {
  const takers = earlier.filter(({ path }) => takesPath(path, route.path));
  const whole = takers.find(({ methods }) => methods === undefined);
  if (whole !== undefined) return [whole.name];
  const names = (route.methods ?? []).map(
    (method) => takers.find(({ methods }) => methods!.includes(method))?.name,
  );
  if (names.length === 0 || names.includes(undefined)) return undefined;
  return [...new Set(names as string[])];
}

function checkRoutes({ config, node, key }: LintUpstream): Found {
  const routes = config.routes.map(({ name, match }) => ({ name, ...match }));
  return routes.flatMap((route, i) => {
    const hiding = findHiding(route, routes.slice(0, i));
    if (hiding === undefined) return [];
    const written = itemsOf(valueOf(node, 'routes'))[i]!;
    const match = valueOf(written, 'match');
    const place = {
      position: (valueOf(match, 'path') ?? entryOf(written, 'match')!.value).position,
      path: [...key.path, 'routes', i, 'match', ...(route.path === undefined ? [] : ['path'])],
    };
    const earlier = `the earlier ${hiding.length === 1 ? 'route' : 'routes'} ${listWords(hiding, 'and')}`;
    const message = `no request ever takes the route ${route.name}, because ${earlier} ${hiding.length === 1 ? 'takes' : 'take'} all of its requests: the first route that matches is used; write ${route.name} in front of ${hiding.length === 1 ? hiding[0] : 'them'}, or remove it`;
    return [{ place, message }];
  });
}

const checkAll = ({ upstreams }: LintFile): Found => upstreams.flatMap(checkRoutes);

export const routeRules: readonly LintRule[] = [
  { name: 'hidden-route', level: 'warning', check: checkAll },
];
