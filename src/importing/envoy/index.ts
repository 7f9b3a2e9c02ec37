/** Envoy's bootstrap: an upstream for each cluster, with the policies of the routes that lead there. */
import { parseDocuments } from '../../config/syntax/documents.js';
import type { Draft } from '../draft.js';
import { Part } from '../part.js';
import type { Foreign } from '../foreign.js';
import { unifyAll, type Machine, type System } from '../system.js';
import { convertCluster } from './cluster.js';
import { writeDefaultLimits } from './limits.js';
import { convertListeners } from './listeners.js';
import { findMalformed } from './malformed.js';
import { reasons } from './reasons.js';
import { convertForwarding, convertRoute } from './route.js';
import { findManagers, findRoutes, isCatchAll, readMatch, type RouteUse } from './routes.js';
import { convertFilter } from './filters.js';

const typeOf = (resource: Foreign) => resource.get('@type')?.text() ?? '';

/** In a bootstrap, or in files of resources as Envoy reads them from a folder. */
function collect(document: Foreign, key: string, type: string): Foreign[] {
  const resources = document.get('resources')?.items() ?? [];
  return [
    ...(document.at('static_resources', key)?.items() ?? []),
    ...resources.filter((resource) => typeOf(resource).endsWith(type)),
  ];
}

export const envoy: System = {
  title: 'Envoy',
  expects: 'a bootstrap with `static_resources`, or a file with `resources`',
  unify: unifyAll,
  parse: (_file, text, findings) => parseDocuments(text, findings),
  isOwn: (document) =>
    document.get('static_resources') !== undefined ||
    (document.get('resources')?.items() ?? []).some((resource) =>
      typeOf(resource).includes('envoy.config.'),
    ),
  findMalformed,
  reasons,
  convert(documents, draft, machine) {
    const of = (key: string, type: string) => documents.flatMap((each) => collect(each, key, type));
    const listeners = of('listeners', '.Listener');
    const managers = findManagers(listeners);
    const uses = [
      ...managers.flatMap(({ config }) => {
        const configuration = config.get('route_config');
        return configuration === undefined ? [] : findRoutes(configuration, config);
      }),
      ...of('', '.RouteConfiguration').flatMap((each) => findRoutes(each, undefined)),
    ];
    writeDefaults(draft.defaults);
    convertClusters(of('clusters', '.Cluster'), uses, draft, machine);
    for (const { config } of managers) convertFilters(config, uses, draft);
    convertListeners(documents, managers, uses, draft);
  },
};

function writeDefaults(defaults: Part): void {
  defaults.note(
    'What Envoy does without being asked. It has no circuit breaker in the sense of Breakwater: remove that line to have one.',
  );
  defaults.set('timeout.attempt', 'off', 'no per_try_timeout');
  defaults.set('timeout.total', '15s', "Envoy's default");
  writeDefaultLimits(defaults);
  defaults.set('retry', 'off', 'no retry_policy');
  defaults.set('circuitBreaker', 'off', 'Envoy has none');
  defaults.set('ejection', 'off', 'no outlier_detection');
}

function convertClusters(
  clusters: readonly Foreign[],
  uses: readonly RouteUse[],
  draft: Draft,
  machine: Machine,
): void {
  const byName = new Map<string, Foreign>();
  for (const cluster of clusters) {
    const name = cluster.get('name')?.text();
    if (name === undefined) continue;
    const part = draft.upstream(name);
    cluster.belongsTo((text) => part.note(text));
    convertCluster(cluster, part, machine);
    byName.set(name, cluster);
  }
  const names = new Set([...byName.keys(), ...uses.map(({ cluster }) => cluster)]);
  for (const name of names) {
    const own = uses.filter(({ cluster }) => cluster === name);
    const part = draft.upstream(name);
    if (!byName.has(name)) part.note('This cluster is not in the files: set `target`.');
    convertUses(own, byName.get(name), part, draft);
  }
}

/** What is written, without comments. */
const plain = (part: Part): string => {
  const strip = (value: unknown): unknown => {
    if (value instanceof Map) {
      return [...value].map(([key, entry]) => [key, strip((entry as { value: unknown }).value)]);
    }
    return value;
  };
  return JSON.stringify(strip(part.map));
};

/** One policy for all routes stands at the upstream. Of several, the others become routes. */
function convertUses(
  uses: readonly RouteUse[],
  cluster: Foreign | undefined,
  part: Part,
  draft: Draft,
): void {
  const [first] = uses;
  if (first === undefined) {
    part.note('No route in the files leads to this cluster.');
    return;
  }
  for (const { route } of uses) route.belongsTo((text) => part.note(text));
  convertForwarding(uses, part);
  tellShares(uses, part);
  const policies = new Set(
    uses.map((use) => {
      const trial = new Part();
      convertRoute(use, cluster, trial);
      return plain(trial);
    }),
  );
  const main = uses.find(({ route }) => isCatchAll(readMatch(route)));
  if (policies.size === 1) {
    convertRoute(main ?? first, cluster, part);
    for (const { route } of uses) tellCondition(route, part);
    return;
  }
  if (main !== undefined) convertRoute(main, cluster, part);
  for (const use of uses) if (use !== main) convertRouteOf(use, cluster, part, draft);
}

/** Of a route whose policies hold for the whole upstream. */
function tellCondition(route: Foreign, part: Part): void {
  const condition = route.get('match');
  if (condition === undefined || isCatchAll(readMatch(route))) return;
  part.note(
    `${condition.use().origin}: in Envoy only such requests go to this cluster. Breakwater forwards all that come to the upstream.`,
  );
}

function convertRouteOf(
  use: RouteUse,
  cluster: Foreign | undefined,
  part: Part,
  draft: Draft,
): void {
  const match = readMatch(use.route);
  if (match === undefined) {
    const condition = use.route.get('match');
    part.note(
      `${use.route.where} ${condition?.use().written ?? 'a route'}: these conditions have no equal here, so the route is left out, with: ${use.action.use().written}`,
    );
    return;
  }
  const name = use.route.get('name')?.text() ?? match.path?.replaceAll(/\W+/g, '-') ?? 'all';
  const route = draft.route(part, name);
  if (match.methods !== undefined) route.set('match.methods', match.methods);
  route.set('match.path', match.path ?? '/*', use.route.get('match'));
  for (const note of match.notes) part.note(note);
  convertRoute(use, cluster, route);
  // What the upstream has of another route does not hold for this one.
  if (part.has('hedge') && !route.has('hedge')) route.set('hedge', 'off', 'no hedge_policy');
  if (part.has('retry.grpc') && route.has('retry.maxAttempts') && !route.has('retry.grpc')) {
    route.set('retry.grpc', 'unsent', 'no condition of gRPC');
  }
}

/** Of routes that spread their requests over several clusters. */
function tellShares(uses: readonly RouteUse[], part: Part): void {
  for (const { action } of uses) {
    const weighted = action.get('weighted_clusters');
    if (weighted === undefined) continue;
    part.note(
      `${weighted.use().origin}: Breakwater does not spread calls over upstreams. Put the hosts of these clusters into \`targets\` of one upstream, with a \`weight\` each.`,
    );
  }
}

function convertFilters(manager: Foreign, uses: readonly RouteUse[], draft: Draft): void {
  const names = new Set(uses.filter((use) => use.manager === manager).map((use) => use.cluster));
  for (const filter of manager.get('http_filters')?.items() ?? []) {
    for (const name of names) convertFilter(filter, draft.upstream(name));
    if (names.size === 0) convertFilter(filter, new Part());
  }
}
