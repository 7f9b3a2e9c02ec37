/** Which upstream a request is for, and how its path reads there. */
import { CallError } from '../core/errors.js';
import type { Emit } from '../core/events.js';
import type { Scope } from '../upstream/scope.js';
import type { Upstream } from '../upstream/upstream.js';
import { pathOf } from './target.js';

/** Where a call goes and how its path reads there. */
export interface Routed {
  readonly scope: Scope;
  readonly path: string;
}

/** What a listener asks for each request. */
export interface Router {
  /** @param target the request's target as on the wire. */
  route(method: string, target: string): Routed;
}

/** A listener of one upstream's own. */
export function routeAllTo(upstream: Upstream): Router {
  return {
    route(method, target) {
      const path = pathOf(method, target);
      return { scope: upstream.scopeFor(method, path), path };
    },
  };
}

/** The shared listener: the longest prefix of whole segments wins, and is taken off. */
export function routeByPrefix(upstreams: ReadonlyMap<string, Upstream>, emit: Emit): Router {
  const noRoute = noRouteScope([...upstreams.keys()], emit);
  return {
    route(method, target) {
      const path = pathOf(method, target);
      const query = path.indexOf('?');
      let end = query === -1 ? path.length : query;
      // One look-up per segment, however many prefixes there are.
      while (end > 0) {
        const upstream = upstreams.get(path.slice(0, end));
        if (upstream !== undefined) {
          const rest = path.slice(end);
          const forwarded = rest.startsWith('/') ? rest : `/${rest}`;
          return { scope: upstream.scopeFor(method, forwarded), path: forwarded };
        }
        end = path.lastIndexOf('/', end - 1);
      }
      const fallback = upstreams.get('/');
      return fallback === undefined
        ? { scope: noRoute, path }
        : { scope: fallback.scopeFor(method, path), path };
    },
  };
}

function noRouteScope(prefixes: readonly string[], emit: Emit): Scope {
  return {
    upstream: '',
    route: '',
    pattern: undefined,
    stage: {
      run: (call) =>
        Promise.reject(
          new CallError(
            'no-route',
            `Cannot route ${call.method} ${call.path.split('?')[0]} because no upstream has a prefix of it; prefixes are ${prefixes.join(', ')}`,
          ),
        ),
      refusal: () => undefined,
    },
    emit,
    preserveHost: false,
    earlyHints: true,
    replayBytes: 0,
    responseFields: [],
    ownRetryAfterMs: Infinity,
    enter: () => {},
    leave: () => {},
  };
}
