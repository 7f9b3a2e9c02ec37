/** Keys of other programs for endpoints: which there are, how one is chosen, and which are left out. */
import {
  asCheckPath,
  asCount,
  asMilliseconds,
  asPercent,
  asSeconds,
  asStrategy,
  asWord,
  type ForeignTable,
} from '../../schema/foreign-values.js';

/** Those of Istio are among them. */
const envoy: ForeignTable = {
  load_assignment: ['targets'],
  hosts: ['targets'],
  endpoints: ['targets'],
  lb_endpoints: ['targets'],
  load_balancing_weight: ['targets'],
  dns_refresh_rate: ['resolve.refresh', asSeconds],
  lb_policy: ['balance.strategy', asStrategy],
  load_balancing_policy: ['balance.strategy', asStrategy],
  load_balancer: ['balance.strategy', asStrategy],
  simple: ['balance.strategy', asStrategy],
  ring_hash_lb_config: ['balance.strategy', () => 'hash'],
  maglev_lb_config: ['balance.strategy', () => 'hash'],
  consistent_hash: ['balance.strategy', () => 'hash'],
  hash_policy: ['balance.key'],
  http_header_name: ['balance.key'],
  http_cookie: ['balance.key'],
  outlier_detection: ['ejection'],
  consecutive_5xx: ['ejection.consecutiveFailures', asCount],
  consecutive_5xx_errors: ['ejection.consecutiveFailures', asCount],
  consecutive_gateway_failure: ['ejection.consecutiveFailures', asCount],
  consecutive_gateway_errors: ['ejection.consecutiveFailures', asCount],
  consecutive_local_origin_failure: ['ejection.consecutiveFailures', asCount],
  base_ejection_time: ['ejection.baseTime', asSeconds],
  max_ejection_time: ['ejection.maxTime', asSeconds],
  max_ejection_percent: ['ejection.maxShare', asPercent],
  health_checks: ['healthCheck'],
  http_health_check: ['healthCheck.path'],
  grpc_health_check: ['healthCheck.grpc'],
  unhealthy_threshold: ['healthCheck.unhealthyAfter', asCount],
  healthy_threshold: ['healthCheck.healthyAfter', asCount],
  expected_statuses: ['healthCheck.statuses'],
  hedge_policy: ['hedge'],
  slow_start_config: ['slowStart'],
  slow_start_window: ['slowStart', asSeconds],
  warmup_duration_secs: ['slowStart', asSeconds],
};

/** A number without a unit is in milliseconds. */
const haproxy: ForeignTable = {
  server: ['targets'],
  'default-server': ['targets'],
  'server-template': ['targets'],
  resolvers: ['resolve'],
  'hash-type': ['balance.strategy', () => 'hash'],
  observe: ['ejection'],
  'error-limit': ['ejection.consecutiveFailures', asCount],
  'option httpchk': ['healthCheck.path', asCheckPath],
  httpchk: ['healthCheck.path', asCheckPath],
  'http-check': ['healthCheck.statuses'],
  inter: ['healthCheck.interval', asMilliseconds],
  'timeout check': ['healthCheck.timeout', asMilliseconds],
  fall: ['healthCheck.unhealthyAfter', asCount],
  rise: ['healthCheck.healthyAfter', asCount],
};

const nginx: ForeignTable = {
  server: ['targets'],
  servers: ['targets'],
  resolver: ['resolve'],
  least_conn: ['balance.strategy', () => 'least-request'],
  least_time: ['balance.strategy', () => 'least-request'],
  ip_hash: ['balance.strategy', () => 'hash'],
  hash: ['balance.strategy', () => 'hash'],
  sticky: ['balance.key'],
  max_fails: ['ejection.consecutiveFailures', asCount],
  fail_timeout: ['ejection.baseTime', asSeconds],
  health_check: ['healthCheck'],
  fails: ['healthCheck.unhealthyAfter', asCount],
  passes: ['healthCheck.healthyAfter', asCount],
  slow_start: ['slowStart', asSeconds],
};

const polly: ForeignTable = {
  Hedging: ['hedge'],
  MaxHedgedAttempts: ['hedge.maxExtra', asCount],
};

const dapr: ForeignTable = {
  'app-health-check-path': ['healthCheck.path', asWord],
  'app-health-probe-interval': ['healthCheck.interval', asSeconds],
  'app-health-probe-timeout': ['healthCheck.timeout', asMilliseconds],
  'app-health-threshold': ['healthCheck.unhealthyAfter', asCount],
};

const kubernetes: ForeignTable = {
  addresses: ['targets'],
  sessionAffinity: ['balance.key'],
  readinessProbe: ['healthCheck'],
  livenessProbe: ['healthCheck'],
  httpGet: ['healthCheck.path'],
  periodSeconds: ['healthCheck.interval', asSeconds],
  timeoutSeconds: ['healthCheck.timeout', asSeconds],
};

/** By the name of the program. */
export const foreignEndpointKeys: readonly (readonly [program: string, table: ForeignTable])[] = [
  ['Envoy', envoy],
  ['HAProxy', haproxy],
  ['nginx', nginx],
  ['Polly', polly],
  ['Dapr', dapr],
  ['Kubernetes', kubernetes],
];
