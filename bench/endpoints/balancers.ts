/** The proxies that are compared, each set up for a fleet of three as its manual advises. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { version as breakwaterVersion } from '../../src/version.js';
import { output } from '../support/program.js';

export interface Setup {
  readonly port: number;
  readonly adminPort: number;
  /** Of the fleet, on 127.0.0.1. */
  readonly ports: readonly number[];
  /** For configuration files. */
  readonly directory: string;
}

export interface Balancer {
  readonly title: string;
  /** Undefined where it is not installed. */
  version(): Promise<string | undefined>;
  prepare(setup: Setup): { readonly command: string; readonly args: readonly string[] };
}

const PROGRAM = fileURLToPath(new URL('../../src/main.js', import.meta.url));

function write({ directory }: Setup, name: string, text: string): string {
  const file = join(directory, name);
  writeFileSync(file, text);
  return file;
}

const versionOf = async (pattern: RegExp, command: string, ...args: string[]) =>
  pattern.exec((await output(command, ...args)) ?? '')?.[1];

function breakwater(title: string, keys: string): Balancer {
  return {
    title,
    version: async () => breakwaterVersion,
    prepare(setup) {
      const targets = setup.ports.map((port) => `"http://127.0.0.1:${port}"`).join(', ');
      const file = write(
        setup,
        'breakwater.yaml',
        `admin: { listen: "127.0.0.1:${setup.adminPort}" }
upstreams:
  a:
    listen: "127.0.0.1:${setup.port}"
    targets: [${targets}]
    timeout: { connect: 500ms, attempt: 1s, total: 10s }
    ${keys}
`,
      );
      return { command: process.execPath, args: [PROGRAM, 'run', '--config', file] };
    },
  };
}

const haproxy: Balancer = {
  title: 'HAProxy, with health checks',
  version: () => versionOf(/version (\d[\d.]*)/i, 'haproxy', '-v'),
  prepare(setup) {
    const servers = setup.ports.map((port, i) => `  server s${i} 127.0.0.1:${port}`).join('\n');
    const file = write(
      setup,
      'haproxy.cfg',
      `global
  maxconn 4000
defaults
  mode http
  timeout client 30s
  timeout http-request 10s
  timeout connect 500ms
  timeout server 1s
  timeout queue 1s
  retries 2
  retry-on conn-failure empty-response junk-response response-timeout 0rtt-rejected 500 502 503 504
  option redispatch 1
  http-reuse safe
frontend a
  bind 127.0.0.1:${setup.port}
  http-request disable-l7-retry if METH_POST
  default_backend a
backend a
  balance random(2)
  timeout check 500ms
  option httpchk GET /healthz
  http-check expect status 200
  default-server check inter 1s fall 2 rise 2 observe layer7 error-limit 5 on-error mark-down
${servers}
`,
    );
    return { command: 'haproxy', args: ['-db', '-f', file] };
  },
};

const type = (name: string) => `type.googleapis.com/envoy.extensions.${name}`;
const address = (port: number) => ({
  socket_address: { address: '127.0.0.1', port_value: port },
});

function envoyConfig({ port, ports }: Setup): unknown {
  const route = {
    cluster: 'a',
    timeout: '10s',
    retry_policy: {
      retry_on: '5xx,reset,connect-failure,refused-stream',
      num_retries: 2,
      per_try_timeout: '1s',
      retry_host_predicate: [
        {
          name: 'previous',
          typed_config: {
            '@type': type('retry.host.previous_hosts.v3.PreviousHostsPredicate'),
          },
        },
      ],
      host_selection_retry_max_attempts: 5,
    },
  };
  const manager = {
    '@type': type('filters.network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: 'a',
    route_config: {
      virtual_hosts: [{ name: 'a', domains: ['*'], routes: [{ match: { prefix: '/' }, route }] }],
    },
    http_filters: [
      { name: 'router', typed_config: { '@type': type('filters.http.router.v3.Router') } },
    ],
  };
  const cluster = {
    name: 'a',
    type: 'STATIC',
    connect_timeout: '0.5s',
    lb_policy: 'LEAST_REQUEST',
    load_assignment: {
      cluster_name: 'a',
      endpoints: [
        { lb_endpoints: ports.map((each) => ({ endpoint: { address: address(each) } })) },
      ],
    },
    health_checks: [
      {
        timeout: '0.5s',
        interval: '1s',
        unhealthy_threshold: 2,
        healthy_threshold: 2,
        http_health_check: { path: '/healthz' },
      },
    ],
    // Three retries at a time, the default, are too few when a process with many calls under way ends.
    circuit_breakers: {
      thresholds: [{ retry_budget: { budget_percent: { value: 20 }, min_retry_concurrency: 20 } }],
    },
    outlier_detection: {
      consecutive_5xx: 5,
      interval: '1s',
      base_ejection_time: '10s',
      max_ejection_percent: 50,
    },
  };
  return {
    static_resources: {
      listeners: [
        {
          name: 'a',
          address: address(port),
          filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }],
        },
      ],
      clusters: [cluster],
    },
  };
}

const envoy: Balancer = {
  title: 'Envoy, with health checks and outlier detection',
  version: () => versionOf(/\/(\d+\.\d+\.\d+)\//, 'envoy', '--version'),
  prepare(setup) {
    const file = write(setup, 'envoy.json', JSON.stringify(envoyConfig(setup)));
    const args = ['--concurrency', '1', '--disable-hot-restart', '--log-level', 'error'];
    return { command: 'envoy', args: [...args, '-c', file] };
  },
};

export const balancers: readonly Balancer[] = [
  breakwater('Breakwater, defaults', ''),
  breakwater(
    'Breakwater, with health checks',
    'healthCheck: { path: /healthz, interval: 1s, timeout: 500ms, unhealthyAfter: 2, healthyAfter: 2 }',
  ),
  haproxy,
  envoy,
];
