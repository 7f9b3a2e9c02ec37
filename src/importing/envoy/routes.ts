/** Which routes of which listeners lead to which cluster. */
import type { Foreign } from '../foreign.js';

/** A route that leads to a cluster. */
export interface RouteUse {
  readonly cluster: string;
  readonly route: Foreign;
  /** Its action, `route`. */
  readonly action: Foreign;
  readonly host: Foreign;
  /** Undefined for route configurations that stand by themselves. */
  readonly manager: Foreign | undefined;
}

/** An HTTP connection manager, and the listener that it belongs to. */
export interface Manager {
  readonly listener: Foreign;
  readonly config: Foreign;
}

const isManager = (config: Foreign | undefined) =>
  config?.get('@type')?.peek()?.endsWith('HttpConnectionManager') === true;

export function findManagers(listeners: readonly Foreign[]): Manager[] {
  return listeners.flatMap((listener) => {
    const chains = [
      ...(listener.get('filter_chains')?.items() ?? []),
      ...(listener.get('default_filter_chain') === undefined
        ? []
        : [listener.get('default_filter_chain')!]),
    ];
    return chains.flatMap((chain) =>
      (chain.get('filters')?.items() ?? []).flatMap((filter) => {
        const config = filter.get('typed_config', 'config');
        if (config === undefined || !isManager(config)) return [];
        filter.get('name')?.use();
        config.get('@type')?.use();
        return [{ listener, config }];
      }),
    );
  });
}

/** The clusters of an action: one, or several with weights. */
function clustersOf(action: Foreign): string[] {
  const single = action.get('cluster')?.text();
  if (single !== undefined) return [single];
  const weighted = action.at('weighted_clusters', 'clusters')?.items() ?? [];
  return weighted.flatMap((each) => each.get('name')?.text() ?? []);
}

/** In the order in which they are compared with a request. */
export function findRoutes(configuration: Foreign, manager: Foreign | undefined): RouteUse[] {
  configuration.get('name')?.use();
  return (configuration.get('virtual_hosts')?.items() ?? []).flatMap((host) => {
    host.get('name')?.use();
    return (host.get('routes')?.items() ?? []).flatMap((route) => {
      const action = route.get('route');
      if (action === undefined) return [];
      route.get('name')?.use();
      return clustersOf(action).map((cluster) => ({ cluster, route, action, host, manager }));
    });
  });
}

export interface Match {
  /** `/items/*`; undefined for every path. */
  readonly path?: string;
  readonly methods?: readonly string[];
  readonly notes: readonly string[];
}

/** What a pattern of Breakwater may not have. */
const isPlain = (path: string) => /^\/[A-Za-z0-9._~!&,;=@%/-]*$/.test(path);

/** @returns undefined where the conditions have no equal. */
export function readMatch(route: Foreign): Match | undefined {
  const match = route.get('match');
  const exact = match?.get('path');
  const prefix = match?.get('prefix');
  const segments = match?.get('path_separated_prefix');
  const written = exact ?? prefix ?? segments;
  const text = written?.text();
  if (match === undefined || text === undefined || !isPlain(text)) return undefined;
  const methods: string[] = [];
  for (const header of match.get('headers')?.items() ?? []) {
    const method = header.get('exact_match')?.text() ?? header.at('string_match', 'exact')?.text();
    if (header.get('name')?.text() !== ':method' || method === undefined) return undefined;
    methods.push(method);
  }
  const others = match
    .entries()
    .filter(([key]) => !['path', 'prefix', 'path_separated_prefix', 'headers'].includes(key));
  if (others.length > 0) return undefined;
  const found = methods.length === 0 ? {} : { methods };
  if (exact !== undefined) return { ...found, path: text, notes: [] };
  if (text === '/') return { ...found, notes: [] };
  const base = text.replace(/\/+$/, '');
  const note = `${written!.origin}: in Envoy this prefix also takes paths that go on in the same segment, such as ${base}x. Here it is compared by whole segments.`;
  return {
    ...found,
    path: `${base}/*`,
    notes: prefix !== undefined && !text.endsWith('/') ? [note] : [],
  };
}

/** Whether each request of the cluster could take it. */
export const isCatchAll = (match: Match | undefined): boolean =>
  match !== undefined && match.path === undefined && match.methods === undefined;
