/** The contenders that are programs of others, each with what comes nearest to the default policies of Breakwater. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { output } from '../support/program.js';
import { nginxHead, nginxHttp } from '../support/upstreams.js';
import { unfitForGrpc, type Contender, type Setup } from './contenders.js';
import { ROUTES } from './workloads.js';

function write({ directory }: Setup, name: string, text: string): string {
  const file = join(directory, name);
  writeFileSync(file, text);
  return file;
}

/** Something once per route, or once for all paths. */
const perRoute = ({ workload }: Setup, text: (prefix: string) => string): string =>
  workload.name === 'routes'
    ? Array.from({ length: ROUTES }, (_, i) => text(`/r${i}/`)).join('\n')
    : text('/');

/** The first group of `pattern` in what a program says of itself; undefined where it is not installed. */
async function versionOf(pattern: RegExp, command: string, ...args: string[]) {
  return pattern.exec((await output(command, ...args)) ?? '')?.[1];
}

export const nginx: Contender = {
  name: 'nginx',
  title: 'nginx',
  policies: 'timeouts, retries, connection limits, passive health checks',
  version: () => versionOf(/nginx\/(\S+)/, 'nginx', '-v'),
  attempts: 3,
  opens: 'told',
  unfit: unfitForGrpc,
  prepare(setup) {
    const { port, upstreamPort, workload, directory } = setup;
    const health =
      workload.name === 'open'
        ? 'down'
        : `max_fails=${workload.name === 'failing' ? 0 : 5} fail_timeout=30s`;
    // It tries a server once per request, so the one stands there as often as it may be tried.
    const server = `server 127.0.0.1:${upstreamPort} max_conns=100 ${health};`;
    const file = write(
      setup,
      'nginx.conf',
      `${nginxHead(directory, 'nginx')}
http {
  ${nginxHttp(directory)}
  map $status $is_error { ~^5 1; default 0; }
  access_log /dev/null combined if=$is_error;
  upstream a { ${server} ${server} ${server} keepalive 128; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Request-Id $request_id;
    proxy_connect_timeout 2s;
    proxy_send_timeout 15s;
    proxy_read_timeout 10s;
    proxy_next_upstream error timeout http_429 http_500 http_502 http_503 http_504;
    proxy_next_upstream_tries 3;
    proxy_next_upstream_timeout 35s;
${perRoute(setup, (prefix) => `    location ${prefix} { proxy_pass http://a; }`)}
  }
}
`,
    );
    return { command: 'nginx', args: ['-p', directory, '-c', file] };
  },
};

export const haproxy: Contender = {
  name: 'haproxy',
  title: 'HAProxy',
  policies: 'timeouts, retries, connection limit with queue, passive health checks',
  version: () => versionOf(/version (\d[\d.]*)/i, 'haproxy', '-v'),
  attempts: 3,
  opens: 'told',
  unfit: unfitForGrpc,
  prepare(setup) {
    const { port, upstreamPort, workload } = setup;
    const health = {
      open: 'disabled',
      failing: '',
      other: 'check inter 30s observe layer7 error-limit 5 on-error mark-down',
    }[workload.name === 'open' || workload.name === 'failing' ? workload.name : 'other'];
    const file = write(
      setup,
      'haproxy.cfg',
      `global
  nbthread 1
  maxconn 9500
  log 127.0.0.1:9 local0
defaults
  mode http
  log global
  option httplog
  option dontlog-normal
  option forwardfor
  option redispatch
  http-reuse always
  timeout http-request 10s
  timeout http-keep-alive 75s
  timeout client 35s
  timeout connect 2s
  timeout server 10s
  timeout queue 1s
  timeout tunnel 5m
  retries 2
  retry-on conn-failure empty-response response-timeout 408 500 502 503 504
frontend a
  bind 127.0.0.1:${port} backlog 4096
  unique-id-format %{+X}o%ci%cp%Ts%rt
  unique-id-header X-Request-Id
  http-request disable-l7-retry if METH_POST
${perRoute(setup, (prefix) => `  use_backend a if { path_beg ${prefix} }`)}
backend a
  server a 127.0.0.1:${upstreamPort} maxconn 100 maxqueue 50 ${health}
`,
    );
    return { command: 'haproxy', args: ['-db', '-f', file] };
  },
};

export const caddy: Contender = {
  name: 'caddy',
  title: 'Caddy',
  policies: 'timeouts, retries of failed connections, connection limit, passive health checks',
  version: () => versionOf(/v?(\d+\.[\d.]+)/, 'caddy', 'version'),
  // It retries only requests that never reached the upstream.
  attempts: 1,
  opens: 'tripped',
  unfit: unfitForGrpc,
  prepare(setup) {
    const { port, upstreamPort, workload, directory } = setup;
    const health =
      workload.name === 'failing'
        ? // Nothing counts as a failure; 0 would take the upstream for one that has failed.
          'max_fails 1'
        : `max_fails 5
    fail_duration ${workload.name === 'open' ? '1h' : '30s'}
    unhealthy_status 5xx`;
    const file = write(
      setup,
      'Caddyfile',
      `{
  admin off
  auto_https off
  grace_period 1s
  log {
    output discard
    level ERROR
  }
}
(forward) {
  reverse_proxy 127.0.0.1:${upstreamPort} {
    lb_retries 2
    unhealthy_request_count 150
    ${health}
    transport http {
      dial_timeout 2s
      write_timeout 15s
      response_header_timeout 10s
      max_conns_per_host 100
      keepalive 90s
      keepalive_idle_conns_per_host 128
      compression off
    }
  }
}
http://:${port} {
  bind 127.0.0.1
${perRoute(setup, (prefix) => `  handle ${prefix}* {\n    import forward\n  }`)}
}
`,
    );
    return {
      command: 'caddy',
      args: ['run', '--adapter', 'caddyfile', '--config', file],
      env: { GOMAXPROCS: '1', XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory },
    };
  },
};

export const envoy: Contender = {
  name: 'envoy',
  title: 'Envoy',
  policies: 'timeouts, retries with budget, circuit breakers, outlier detection',
  version: () => versionOf(/\/(\d+\.\d+\.\d+)\//, 'envoy', '--version'),
  attempts: 3,
  opens: 'tripped',
  prepare(setup) {
    const file = write(setup, 'envoy.json', JSON.stringify(envoyConfig(setup)));
    const args = ['--concurrency', '1', '--disable-hot-restart', '--log-level', 'error'];
    return { command: 'envoy', args: [...args, '-c', file] };
  },
};

const type = (name: string) => `type.googleapis.com/envoy.extensions.${name}`;
const address = (of: number) => ({
  socket_address: { address: '127.0.0.1', port_value: of },
});

const HTTP = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const http2 = {
  '@type': `type.googleapis.com/${HTTP}`,
  explicit_http_config: { http2_protocol_options: {} },
};

function envoyConfig(setup: Setup): unknown {
  const { port, upstreamPort, workload } = setup;
  const isFailing = workload.name === 'failing';
  const route = {
    cluster: 'a',
    timeout: '35s',
    retry_policy: {
      retry_on: '5xx,reset,connect-failure,refused-stream,retriable-status-codes',
      retriable_status_codes: [408, 429],
      retriable_request_headers: [{ name: ':method', string_match: { exact: 'GET' } }],
      num_retries: workload.name === 'open' ? 0 : 2,
      per_try_timeout: '10s',
      retry_back_off: isFailing
        ? { base_interval: '0.001s', max_interval: '0.001s' }
        : { base_interval: '0.1s', max_interval: '2s' },
    },
  };
  const prefixes =
    workload.name === 'routes' ? Array.from({ length: ROUTES }, (_, i) => `/r${i}/`) : ['/'];
  const manager = {
    '@type': type('filters.network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: 'a',
    use_remote_address: true,
    common_http_protocol_options: { idle_timeout: '75s' },
    request_headers_timeout: '10s',
    stream_idle_timeout: '30s',
    access_log: [
      {
        name: 'errors',
        filter: {
          status_code_filter: {
            comparison: {
              op: 'GE',
              value: { default_value: 500, runtime_key: 'access_log.status' },
            },
          },
        },
        typed_config: { '@type': type('access_loggers.file.v3.FileAccessLog'), path: '/dev/null' },
      },
    ],
    route_config: {
      virtual_hosts: [
        {
          name: 'a',
          domains: ['*'],
          routes: prefixes.map((prefix) => ({ match: { prefix }, route })),
        },
      ],
    },
    http_filters: [
      { name: 'router', typed_config: { '@type': type('filters.http.router.v3.Router') } },
    ],
  };
  const cluster = {
    name: 'a',
    type: 'STATIC',
    connect_timeout: '2s',
    load_assignment: {
      cluster_name: 'a',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(upstreamPort) } }] }],
    },
    common_lb_config: { healthy_panic_threshold: { value: 0 } },
    ...(workload.protocol === 'grpc'
      ? { typed_extension_protocol_options: { [HTTP]: http2 } }
      : {}),
    circuit_breakers: {
      thresholds: [
        {
          max_connections: 100,
          max_pending_requests: 50,
          max_requests: 150,
          retry_budget: isFailing
            ? { budget_percent: { value: 100 }, min_retry_concurrency: 1000 }
            : { budget_percent: { value: 20 }, min_retry_concurrency: 3 },
        },
      ],
    },
    ...(isFailing
      ? {}
      : {
          outlier_detection: {
            consecutive_5xx: 5,
            base_ejection_time: workload.name === 'open' ? '3600s' : '30s',
            max_ejection_time: '3600s',
            max_ejection_percent: 100,
          },
        }),
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
