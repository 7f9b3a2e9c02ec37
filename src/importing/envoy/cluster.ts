/** A cluster: where its hosts are, how one is chosen, and how it is connected to. */
import { Part } from '../part.js';
import type { Foreign } from '../foreign.js';
import type { Machine } from '../system.js';
import { convertHealthChecks, convertOutliers } from './health.js';
import { convertLimits } from './limits.js';
import { readDuration, setDuration } from './read.js';
import { showDuration } from '../values.js';
import { convertTls } from './tls.js';

export function convertCluster(cluster: Foreign, part: Part, machine: Machine): void {
  cluster.get('name')?.use();
  cluster.get('alt_stat_name')?.use();
  const isTls = convertTls(cluster, part, machine);
  convertHosts(cluster, part, isTls ? 'https' : 'http');
  convertDiscovery(cluster, part);
  convertProtocol(cluster, part);
  convertBalancing(cluster, part);
  convertOutliers(cluster, part);
  convertHealthChecks(cluster, part);
  if (!setDuration(part, 'timeout.connect', cluster.get('connect_timeout'))) {
    part.set('timeout.connect', '5s', "Envoy's default");
  }
  convertLimits(cluster, part);
}

interface Host {
  readonly url: string;
  readonly weight: Foreign | undefined;
  readonly from: Foreign;
}

function readHost(lbEndpoint: Foreign, scheme: string): Host | undefined {
  const address = lbEndpoint.at('endpoint', 'address');
  const socket = address?.get('socket_address');
  const pipe = address?.at('pipe', 'path');
  const weight = lbEndpoint.get('load_balancing_weight');
  const path = pipe?.text();
  if (pipe !== undefined && path !== undefined && path.startsWith('/')) {
    return { url: `${scheme}+unix://${encodeURIComponent(path)}`, weight, from: pipe };
  }
  const name = socket?.get('address');
  const port = socket?.get('port_value');
  const host = name?.text();
  if (name === undefined || host === undefined) return undefined;
  socket!.get('protocol')?.use();
  const shown = host.includes(':') ? `[${host}]` : host;
  return { url: `${scheme}://${shown}:${port?.text() ?? '80'}`, weight, from: name };
}

function convertHosts(cluster: Foreign, part: Part, scheme: string): void {
  const assignment = cluster.get('load_assignment');
  assignment?.get('cluster_name')?.use();
  const localities = assignment?.get('endpoints')?.items() ?? [];
  const hosts = localities.flatMap((locality) =>
    (locality.get('lb_endpoints')?.items() ?? []).flatMap((each) => readHost(each, scheme) ?? []),
  );
  for (const locality of localities) {
    const priority = locality.get('priority');
    if (priority === undefined || priority.number() === 0) continue;
    part.note(
      `${priority.origin}: Breakwater has no priorities: these hosts get calls like the others. For a second choice write an upstream of its own, and \`fallback: [{ upstream: NAME }]\`.`,
    );
  }
  const [first] = hosts;
  if (first === undefined) {
    part.note('The cluster has no hosts in its file (they come from elsewhere): set `target`.');
    return;
  }
  if (scheme !== 'http' && first.url.startsWith('https+unix')) {
    part.note('Breakwater speaks no TLS over a socket of the file system: set `target`.');
    return;
  }
  if (hosts.length === 1) {
    part.set('target', first.url, first.from);
    return;
  }
  const isWeighted = hosts.some(({ weight }) => weight !== undefined);
  if (isWeighted) {
    const weighted = hosts.map(({ url, weight, from }) =>
      new Part().set('url', url, from).set('weight', weight?.number() ?? 1, weight),
    );
    part.setParts('targets', weighted);
  } else
    part.set(
      'targets',
      hosts.map(({ url }) => url),
      `${cluster.where} load_assignment`,
    );
}

function convertDiscovery(cluster: Foreign, part: Part): void {
  const type = cluster.get('type');
  const name = type?.text();
  const refresh = cluster.get('dns_refresh_rate');
  if (name === 'LOGICAL_DNS') {
    part.set('resolve.addresses', 'first', type);
  } else if (name === 'EDS' || name === 'ORIGINAL_DST') {
    part.note(
      `${type!.origin}: Breakwater takes its hosts from the file and from DNS: set \`target\`.`,
    );
  }
  const ms = readDuration(refresh);
  if (refresh !== undefined && ms !== undefined && ms > 0) {
    part.set('resolve.refresh', showDuration(ms), refresh);
  }
  if (name === 'STRICT_DNS') {
    part.note(
      `${type!.origin}: as here, but if the name vanishes (NXDOMAIN) Envoy has no hosts any more, and Breakwater keeps the last ones.`,
    );
  }
}

function convertProtocol(cluster: Foreign, part: Part): void {
  const options = cluster
    .get('typed_extension_protocol_options')
    ?.entries()
    .find(([key]) => key.endsWith('HttpProtocolOptions'))?.[1];
  options?.get('@type')?.use();
  const explicit = options?.get('explicit_http_config');
  const http2 = explicit?.get('http2_protocol_options') ?? cluster.get('http2_protocol_options');
  if (http2 !== undefined) part.set('protocol', 'http2', http2.origin);
  if (http2?.entries().length === 0) http2.use();
  const http1 = explicit?.get('http_protocol_options');
  if (http1?.entries().length === 0) http1.use();
  const auto = options?.get('auto_config');
  if (auto !== undefined) part.set('protocol', 'auto', auto.use().origin);
  const common = options?.get('common_http_protocol_options');
  const age = common?.get('max_connection_duration');
  if (age !== undefined) setDuration(part, 'resolve.maxAge', age);
}

const strategies: Readonly<Record<string, string>> = {
  ROUND_ROBIN: 'round-robin',
  LEAST_REQUEST: 'least-request',
  RANDOM: 'random',
};

function convertBalancing(cluster: Foreign, part: Part): void {
  const policy = cluster.get('lb_policy');
  const name = policy?.text() ?? 'ROUND_ROBIN';
  const strategy = strategies[name];
  if (strategy !== undefined) {
    part.set('balance.strategy', strategy, policy ?? "Envoy's default");
  } else if (policy !== undefined) {
    part.note(
      name === 'RING_HASH' || name === 'MAGLEV'
        ? `${policy.origin}: a hash needs \`balance.key\`; it is taken from the hash_policy of a route.`
        : `${policy.origin}: has no equal here; \`balance.strategy\` is least-request.`,
    );
  }
  for (const key of ['round_robin_lb_config', 'least_request_lb_config']) {
    setDuration(part, 'slowStart', cluster.at(key, 'slow_start_config', 'slow_start_window'));
  }
}
