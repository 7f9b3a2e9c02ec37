/** What becomes of Envoy's bootstrap. */
import t from 'tap';
import { stringify } from 'yaml';
import { importText } from './support.js';

const TYPES = 'type.googleapis.com/envoy.extensions';
const MANAGER = `${TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager`;

type Plain = Readonly<Record<string, unknown>>;

interface Parts {
  readonly cluster?: Plain;
  readonly clusters?: readonly Plain[];
  readonly route?: Plain;
  readonly routes?: readonly Plain[];
  readonly host?: Plain;
  readonly manager?: Plain;
  readonly top?: Plain;
}

const hosts = (...addresses: string[]) => ({
  endpoints: [
    {
      lb_endpoints: addresses.map((address) => ({
        endpoint: { address: { socket_address: { address, port_value: 8080 } } },
      })),
    },
  ],
});

function bootstrap({ cluster, clusters, route, routes, host, manager, top }: Parts): string {
  const all = routes ?? [{ match: { prefix: '/' }, route: { cluster: 'a', ...route } }];
  const listener = {
    name: 'l',
    address: { socket_address: { address: '127.0.0.1', port_value: 10001 } },
    filter_chains: [
      {
        filters: [
          {
            name: 'http',
            typed_config: {
              '@type': MANAGER,
              route_config: {
                virtual_hosts: [{ name: 'v', domains: ['*'], ...host, routes: all }],
              },
              ...manager,
            },
          },
        ],
      },
    ],
  };
  const standard = [{ name: 'a', load_assignment: hosts('a.internal'), ...cluster }];
  return stringify({
    static_resources: { listeners: [listener], clusters: clusters ?? standard },
    ...top,
  });
}

t.test('a cluster becomes an upstream at the address of its listener', async (t) => {
  const { upstreams, file } = importText(
    t,
    'envoy',
    bootstrap({
      top: { admin: { address: { socket_address: { address: '127.0.0.1', port_value: 9901 } } } },
    }),
  );
  t.match(upstreams['a'], {
    listen: '127.0.0.1:10001',
    target: 'http://a.internal:8080',
    preserveHost: true,
    timeout: { total: '15s', attempt: 'off', connect: '5s' },
    retry: 'off',
  });
  t.match(file, {
    admin: { listen: '127.0.0.1:9901' },
    defaults: { bulkhead: { maxConcurrent: 1024, maxQueue: 1024 }, circuitBreaker: 'off' },
  });
});

t.test('several hosts, weights, sockets and addresses of version 6', async (t) => {
  const many = importText(
    t,
    'envoy',
    bootstrap({ cluster: { load_assignment: hosts('b', '::1') } }),
  );
  t.match(many.upstreams['a'], { targets: ['http://b:8080', 'http://[::1]:8080'] });
  const weighted = hosts('b', 'c');
  Object.assign(weighted.endpoints[0]!.lb_endpoints[0]!, { load_balancing_weight: 3 });
  t.match(
    importText(t, 'envoy', bootstrap({ cluster: { load_assignment: weighted } })).upstreams['a'],
    {
      targets: [
        { url: 'http://b:8080', weight: 3 },
        { url: 'http://c:8080', weight: 1 },
      ],
    },
  );
  const socket = {
    endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path: '/run/a' } } } }] }],
  };
  t.match(
    importText(t, 'envoy', bootstrap({ cluster: { load_assignment: socket } })).upstreams['a'],
    {
      target: 'http+unix://%2Frun%2Fa',
    },
  );
  const discovered = importText(
    t,
    'envoy',
    bootstrap({
      clusters: [{ name: 'a', type: 'EDS', eds_cluster_config: { service_name: 's' } }],
    }),
  );
  t.match(discovered.upstreams['a'], { target: 'http://a:80' });
  t.match(discovered.comments, /eds_cluster_config: { service_name: s }/);
});

t.test('num_retries leaves out the first attempt', async (t) => {
  const { upstreams, comments } = importText(
    t,
    'envoy',
    bootstrap({
      route: {
        timeout: '3s',
        retry_policy: {
          retry_on: '5xx,retriable-status-codes,connect-failure',
          num_retries: 3,
          per_try_timeout: '0.5s',
          retriable_status_codes: [429],
          retry_back_off: { base_interval: '0.1s' },
        },
      },
    }),
  );
  t.match(upstreams['a'], {
    timeout: { total: '3s', attempt: '500ms' },
    retry: {
      maxAttempts: 4,
      statuses: [429, 500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511],
      backoff: { baseDelay: '100ms', maxDelay: '1s' },
      respectRetryAfter: false,
    },
  });
  t.match(comments, /num_retries leaves out the first attempt/);
});

t.test('without retry_on nothing is repeated, and without num_retries once', async (t) => {
  const none = importText(t, 'envoy', bootstrap({ route: { retry_policy: { num_retries: 3 } } }));
  t.match(none.upstreams['a'], { retry: 'off' });
  t.match(none.comments, /without retry_on Envoy repeats nothing/);
  const once = bootstrap({ host: { retry_policy: { retry_on: 'gateway-error' } } });
  t.match(importText(t, 'envoy', once).upstreams['a'], {
    retry: { maxAttempts: 2, statuses: [502, 503, 504] },
  });
  const grpc = bootstrap({ route: { retry_policy: { retry_on: 'unavailable,odd' } } });
  const result = importText(t, 'envoy', grpc);
  t.match(result.upstreams['a'], { retry: { grpc: 'idempotent', grpcStatuses: ['UNAVAILABLE'] } });
  t.match(result.comments, /retry_on: odd: has no equal here/);
});

t.test('Retry-After, hedges and timeouts of 0', async (t) => {
  const limited = bootstrap({
    route: {
      timeout: '0s',
      retry_policy: { retry_on: '5xx', rate_limited_retry_back_off: { max_interval: '20s' } },
    },
  });
  t.match(importText(t, 'envoy', limited).upstreams['a'], {
    timeout: { total: 'off' },
    retry: { respectRetryAfter: true, maxRetryAfter: '20s' },
  });
  const hedged = bootstrap({
    route: {
      hedge_policy: { hedge_on_per_try_timeout: true },
      retry_policy: { retry_on: '5xx', per_try_timeout: '0.2s' },
    },
  });
  t.match(importText(t, 'envoy', hedged).upstreams['a'], {
    hedge: { after: '200ms' },
    timeout: { attempt: 'off' },
  });
});

t.test('circuit_breakers are the bulkhead', async (t) => {
  const { upstreams, comments } = importText(
    t,
    'envoy',
    bootstrap({
      cluster: {
        circuit_breakers: {
          thresholds: [
            { priority: 'HIGH', max_requests: 7 },
            {
              max_requests: 50,
              max_connections: 200,
              max_pending_requests: 10,
              retry_budget: { budget_percent: { value: 25 }, min_retry_concurrency: 4 },
            },
          ],
        },
      },
      route: { retry_policy: { retry_on: '5xx' } },
    }),
  );
  t.match(upstreams['a'], {
    bulkhead: { maxConcurrent: 50, maxQueue: 10 },
    retry: { maxAttempts: 2, budget: { ratio: '25%' } },
  });
  t.match(comments, /circuit_breakers are the `bulkhead` here/);
  t.match(comments, /priority: HIGH, max_requests: 7/);
  t.match(comments, /max_connections: 200: the smaller of the two limits stands/);
  t.match(comments, /min_retry_concurrency: 4/);
});

t.test('outlier_detection is the ejection', async (t) => {
  const { upstreams, comments } = importText(
    t,
    'envoy',
    bootstrap({
      cluster: {
        outlier_detection: { consecutive_5xx: 7, interval: '3s', success_rate_stdev_factor: 1900 },
      },
    }),
  );
  t.match(upstreams['a'], {
    ejection: { consecutiveFailures: 7, baseTime: '30s', maxTime: '5m', maxShare: '10%' },
  });
  t.match(comments, /interval: 3s: here an endpoint comes back/);
  t.match(
    comments,
    /success_rate_stdev_factor: 1900: endpoints are ejected by failures in a row only/,
  );
  const off = bootstrap({ cluster: { outlier_detection: { max_ejection_percent: 0 } } });
  t.match(importText(t, 'envoy', off).upstreams['a'], { ejection: 'off' });
});

t.test('health checks, the choice of hosts and names', async (t) => {
  const { upstreams, comments } = importText(
    t,
    'envoy',
    bootstrap({
      cluster: {
        type: 'LOGICAL_DNS',
        dns_refresh_rate: '10s',
        lb_policy: 'LEAST_REQUEST',
        least_request_lb_config: { slow_start_config: { slow_start_window: '30s' } },
        health_checks: [
          { tcp_health_check: {} },
          {
            timeout: '1s',
            interval: '9s',
            unhealthy_threshold: 4,
            healthy_threshold: 1,
            http_health_check: { path: '/up', expected_statuses: [{ start: 200, end: 203 }] },
          },
        ],
      },
    }),
  );
  t.match(upstreams['a'], {
    resolve: { addresses: 'first', refresh: '10s' },
    balance: { strategy: 'least-request' },
    slowStart: '30s',
    healthCheck: {
      path: '/up',
      statuses: [200, 201, 202],
      interval: '9s',
      timeout: '1s',
      unhealthyAfter: 4,
      healthyAfter: 1,
    },
  });
  t.match(comments, /tcp_health_check: {} }: Breakwater has one check/);
});

t.test('a hash goes by the policy of the route', async (t) => {
  const { upstreams } = importText(
    t,
    'envoy',
    bootstrap({
      cluster: { lb_policy: 'MAGLEV' },
      route: { hash_policy: [{ cookie: { name: 'session' } }], auto_host_rewrite: true },
    }),
  );
  t.match(upstreams['a'], {
    balance: { strategy: 'hash', key: { cookie: 'session' } },
    preserveHost: false,
  });
});

t.test('TLS: files that are not there are told, as check would refuse them', async (t) => {
  const text = bootstrap({
    cluster: {
      transport_socket: {
        name: 'tls',
        typed_config: {
          '@type': `${TYPES}.transport_sockets.tls.v3.UpstreamTlsContext`,
          sni: 'a.example.com',
          common_tls_context: {
            validation_context: { trusted_ca: { filename: '/nowhere/ca.pem' } },
            tls_certificates: [{ private_key: { inline_string: 'SECRET' } }],
          },
        },
      },
      typed_extension_protocol_options: {
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
          explicit_http_config: { http2_protocol_options: {} },
        },
      },
    },
  });
  const { upstreams, comments, text: result } = importText(t, 'envoy', text);
  t.match(upstreams['a'], {
    target: 'https://a.internal:8080',
    tls: { serverName: 'a.example.com' },
    protocol: 'http2',
  });
  t.match(comments, /Where it is, write `tls.ca: \/nowhere\/ca.pem`/);
  t.notMatch(result, /SECRET/);
});

t.test('routes with policies of their own become routes', async (t) => {
  const { upstreams, comments } = importText(
    t,
    'envoy',
    bootstrap({
      routes: [
        { match: { prefix: '/search' }, route: { cluster: 'a', timeout: '3s' } },
        {
          name: 'one',
          match: { path: '/items', headers: [{ name: ':method', string_match: { exact: 'GET' } }] },
          route: { cluster: 'a', timeout: '4s' },
        },
        { match: { safe_regex: { regex: '/v[0-9]' } }, route: { cluster: 'a', timeout: '9s' } },
        { match: { prefix: '/' }, route: { cluster: 'a' } },
        { match: { prefix: '/x' }, redirect: { path_redirect: '/y' } },
      ],
    }),
  );
  t.match(upstreams['a'], {
    timeout: { total: '15s' },
    routes: [
      { name: 'search', match: { path: '/search/*' }, timeout: { total: '3s' } },
      { name: 'one', match: { methods: ['GET'], path: '/items' }, timeout: { total: '4s' } },
    ],
  });
  t.match(comments, /such as \/searchx/);
  t.match(
    comments,
    /safe_regex: .* the route is left out, with: route: { cluster: a, timeout: 9s }/,
  );
  t.match(comments, /redirect: { path_redirect: \/y } }: Breakwater forwards calls/);
});

t.test('a listener that leads to several clusters is told', async (t) => {
  const { upstreams, comments } = importText(
    t,
    'envoy',
    bootstrap({
      clusters: [{ name: 'a' }, { name: 'b' }, { name: 'lonely' }],
      routes: [
        { match: { prefix: '/b' }, route: { cluster: 'b', prefix_rewrite: '/' } },
        {
          match: { prefix: '/' },
          route: {
            weighted_clusters: {
              clusters: [
                { name: 'a', weight: 9 },
                { name: 'b', weight: 1 },
              ],
            },
          },
        },
      ],
    }),
  );
  t.match(upstreams, { a: { listen: 8101 }, b: { listen: 8102 }, lonely: { listen: 8103 } });
  t.match(comments, /the listener 127.0.0.1:10001 leads to b, a, by host name and path/);
  t.match(comments, /prefix_rewrite: \/: Breakwater removes only its own `prefix`/);
  t.match(comments, /weighted_clusters: .* Breakwater does not spread calls over upstreams/);
  t.match(comments, /No route in the files leads to this cluster/);
});

const filter = (name: string, type: string, config: Plain) => ({
  name,
  typed_config: { '@type': `${TYPES}.filters.http.${type}`, ...config },
});

t.test('a local rate limit counts only where it is enabled and enforced', async (t) => {
  const bucket = { token_bucket: { max_tokens: 50, tokens_per_fill: 10, fill_interval: '1s' } };
  const all = { default_value: { numerator: 100, denominator: 'HUNDRED' } };
  const type = 'local_ratelimit.v3.LocalRateLimit';
  const limit = (config: Plain) =>
    importText(t, 'envoy', bootstrap({ manager: { http_filters: [filter('rl', type, config)] } }));
  const on = limit({ ...bucket, filter_enabled: all, filter_enforced: all });
  t.match(on.upstreams['a'], { rateLimit: { rate: '10/s', burst: 50 } });
  const bare = limit(bucket);
  t.notHas(bare.upstreams['a'], { rateLimit: {} });
  t.match(bare.comments, /Envoy limits nothing, because filter_enabled is 0% by default/);
  const counted = limit({ ...bucket, filter_enabled: all });
  t.match(counted.upstreams['a'], { rateLimit: { mode: 'shadow', rate: '10/s' } });
  t.match(counted.comments, /Envoy counts, and refuses nothing/);
});

t.test('filters: faults and limits of heads have an equal, others have none', async (t) => {
  const { comments, file, upstreams } = importText(
    t,
    'envoy',
    bootstrap({
      manager: {
        max_request_headers_kb: 60,
        request_headers_timeout: '5s',
        http_filters: [
          filter('f', 'fault.v3.HTTPFault', {
            delay: { fixed_delay: '2s', percentage: { numerator: 10 } },
            abort: { http_status: 503, percentage: { numerator: 1, denominator: 'HUNDRED' } },
          }),
          filter('l', 'lua.v3.Lua', { default_source_code: { inline_string: 'x' } }),
          filter('r', 'router.v3.Router', {}),
        ],
      },
    }),
  );
  t.match(upstreams['a'], {
    fault: { delay: { share: '10%', time: '2s' }, abort: { share: '1%', status: 503 } },
  });
  t.match(comments, /Envoy draws once for each request, before its retries/);
  t.match(comments, /default_source_code: { inline_string: \*\*\* } }: this filter has no equal/);
  t.match(file, { limits: { maxHeaderSize: '60KiB', headerTimeout: '5s' } });
});

t.test('JSON, files of resources and camel case are read as well', async (t) => {
  const json = JSON.stringify(
    {
      resources: [
        {
          '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
          name: 'a',
          connectTimeout: '0.25s',
          loadAssignment: hosts('a.internal'),
        },
        {
          '@type': 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
          virtualHosts: [
            { routes: [{ match: { prefix: '/' }, route: { cluster: 'a', timeout: '2s' } }] },
          ],
        },
      ],
    },
    undefined,
    '\t',
  );
  t.match(importText(t, 'envoy', json, { name: 'cds.json' }).upstreams['a'], {
    target: 'http://a.internal:8080',
    timeout: { connect: '250ms', total: '2s' },
  });
});

t.test('anchors and several documents are one configuration', async (t) => {
  const { upstreams } = importText(
    t,
    'envoy',
    `static_resources:
  clusters:
  - &base { name: a, connect_timeout: &time 1s, type: STATIC }
  - { <<: *base, name: b }
---
static_resources: { clusters: [{ name: c, connect_timeout: 2s }] }
`,
  );
  t.match(upstreams, {
    a: { timeout: { connect: '1s' } },
    b: { timeout: { connect: '1s' } },
    c: { timeout: { connect: '2s' } },
  });
});
