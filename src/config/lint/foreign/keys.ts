/** Keys of other programs' configurations with the option that does the same here, for the hints of unknown keys. */
import type { ForeignReader, ForeignTable } from '../../schema/foreign-values.js';
import { foreignEndpointKeys } from './endpoint-keys.js';
import { foreignLimitKeys } from './limit-keys.js';
import { foreignSectionKeys } from './section-keys.js';
import {
  asBoolean,
  asCount,
  asInverse,
  asJitter,
  asKibibytes,
  asList,
  asMilliseconds,
  asPercent,
  asRatio,
  asRetries,
  asSeconds,
  asSize,
  asTrip,
  asWord,
} from '../../schema/foreign-values.js';

export interface ForeignKey {
  readonly program: string;
  /** As the program's documentation writes it. */
  readonly key: string;
  /** The option's path, from the top of the file or of an upstream. */
  readonly option: string;
  /** Undefined where the values have nothing in common. */
  readonly read: ForeignReader | undefined;
  /** The section of this file in which the key means this; undefined for everywhere. */
  readonly section?: string;
}

const envoy: ForeignTable = {
  retry_policy: ['retry'],
  num_retries: ['retry.maxAttempts', asRetries],
  retry_on: ['retry.statuses'],
  retriable_status_codes: ['retry.statuses', asList],
  retry_back_off: ['retry.backoff'],
  base_interval: ['retry.backoff.baseDelay', asSeconds],
  max_interval: ['retry.backoff.maxDelay', asSeconds],
  rate_limited_retry_back_off: ['retry.respectRetryAfter'],
  per_try_timeout: ['timeout.attempt', asSeconds],
  per_try_idle_timeout: ['timeout.idle', asSeconds],
  retry_budget: ['retry.budget'],
  budget_percent: ['retry.budget.ratio', asPercent],
  min_retry_concurrency: ['retry.budget.minPerSecond'],
  per_request_buffer_limit_bytes: ['retry.bodyLimit', asSize],
  circuit_breakers: ['bulkhead'],
  max_requests: ['bulkhead.maxConcurrent', asCount],
  max_pending_requests: ['bulkhead.maxQueue', asCount],
  max_connections: ['bulkhead.maxConcurrent', asCount],
  failure_percentage_threshold: ['circuitBreaker.failureRate.threshold', asPercent],
  failure_percentage_request_volume: ['circuitBreaker.failureRate.minimumCalls', asCount],
  connect_timeout: ['timeout.connect', asSeconds],
  request_timeout: ['timeout.total', asSeconds],
  max_stream_duration: ['timeout.total', asSeconds],
  stream_idle_timeout: ['timeout.stream', asSeconds],
  request_headers_timeout: ['limits.headerTimeout', asSeconds],
  max_request_headers_kb: ['limits.maxHeaderSize', asKibibytes],
  max_request_bytes: ['limits.maxRequestBody', asSize],
  overload_manager: ['overload'],
  clusters: ['upstreams'],
  virtual_hosts: ['upstreams'],
  transport_socket: ['tls'],
  sni: ['tls.serverName', asWord],
  trusted_ca: ['tls.ca'],
  auto_host_rewrite: ['preserveHost', asInverse],
};

const dapr: ForeignTable = {
  retries: ['retry'],
  maxRetries: ['retry.maxAttempts', asRetries],
  duration: ['retry.backoff.baseDelay', asSeconds],
  maxInterval: ['retry.backoff.maxDelay', asSeconds],
  httpStatusCodes: ['retry.statuses'],
  circuitBreakers: ['circuitBreaker'],
  trip: ['circuitBreaker.failureThreshold', asTrip],
  maxRequests: ['circuitBreaker.halfOpenMaxCalls', asCount],
  timeouts: ['timeout'],
  appMaxConcurrency: ['bulkhead.maxConcurrent', asCount],
};

const resilience4j: ForeignTable = {
  failureRateThreshold: ['circuitBreaker.failureRate.threshold', asPercent],
  minimumNumberOfCalls: ['circuitBreaker.failureRate.minimumCalls', asCount],
  slidingWindowSize: ['circuitBreaker.failureRate.window'],
  slidingWindowType: ['circuitBreaker.failureRate.window'],
  slowCallRateThreshold: ['circuitBreaker.slowCall.threshold', asPercent],
  slowCallDurationThreshold: ['circuitBreaker.slowCall.duration', asMilliseconds],
  waitDurationInOpenState: ['circuitBreaker.recoveryTimeout', asMilliseconds],
  exponentialMaxWaitDurationInOpenState: ['circuitBreaker.maxRecoveryTimeout', asMilliseconds],
  permittedNumberOfCallsInHalfOpenState: ['circuitBreaker.halfOpenMaxCalls', asCount],
  ringBufferSizeInClosedState: ['circuitBreaker.failureRate.minimumCalls', asCount],
  ringBufferSizeInHalfOpenState: ['circuitBreaker.halfOpenMaxCalls', asCount],
  recordExceptions: ['circuitBreaker.failureStatuses'],
  maxRetryAttempts: ['retry.maxAttempts', asCount],
  waitDuration: ['retry.backoff.baseDelay', asMilliseconds],
  exponentialBackoffMultiplier: ['retry.backoff.multiplier', asCount],
  exponentialMaxWaitDuration: ['retry.backoff.maxDelay', asMilliseconds],
  enableExponentialBackoff: ['retry.backoff.strategy'],
  enableRandomizedWait: ['retry.backoff.jitter', asJitter],
  randomizedWaitFactor: ['retry.backoff.jitter'],
  retryExceptions: ['retry.statuses'],
  maxConcurrentCalls: ['bulkhead.maxConcurrent', asCount],
  maxThreadPoolSize: ['bulkhead.maxConcurrent', asCount],
  queueCapacity: ['bulkhead.maxQueue', asCount],
  maxWaitDuration: ['bulkhead.queueTimeout', asMilliseconds],
  timeLimiter: ['timeout'],
  timeoutDuration: ['timeout.total', asMilliseconds],
};

const polly: ForeignTable = {
  MaxRetryAttempts: ['retry.maxAttempts', asRetries],
  Delay: ['retry.backoff.baseDelay', asSeconds],
  MaxDelay: ['retry.backoff.maxDelay', asSeconds],
  BackoffType: ['retry.backoff.strategy', asWord],
  UseJitter: ['retry.backoff.jitter', asJitter],
  ShouldRetryAfterHeader: ['retry.respectRetryAfter', asBoolean],
  FailureRatio: ['circuitBreaker.failureRate.threshold', asRatio],
  SamplingDuration: ['circuitBreaker.failureRate.window', asSeconds],
  MinimumThroughput: ['circuitBreaker.failureRate.minimumCalls', asCount],
  BreakDuration: ['circuitBreaker.recoveryTimeout', asSeconds],
  DurationOfBreak: ['circuitBreaker.recoveryTimeout', asSeconds],
  HandledEventsAllowedBeforeBreaking: ['circuitBreaker.failureThreshold', asCount],
  ExceptionsAllowedBeforeBreaking: ['circuitBreaker.failureThreshold', asCount],
  PermitLimit: ['bulkhead.maxConcurrent', asCount],
  QueueLimit: ['bulkhead.maxQueue', asCount],
  MaxParallelization: ['bulkhead.maxConcurrent', asCount],
  MaxQueuingActions: ['bulkhead.maxQueue', asCount],
  AttemptTimeout: ['timeout.attempt', asSeconds],
  TotalRequestTimeout: ['timeout.total', asSeconds],
};

const nginx: ForeignTable = {
  proxy_pass: ['target', asWord],
  proxy_connect_timeout: ['timeout.connect', asSeconds],
  proxy_send_timeout: ['timeout.write', asSeconds],
  proxy_read_timeout: ['timeout.attempt', asSeconds],
  proxy_next_upstream: ['retry.statuses'],
  proxy_next_upstream_tries: ['retry.maxAttempts', asCount],
  proxy_next_upstream_timeout: ['timeout.total', asSeconds],
  max_conns: ['bulkhead.maxConcurrent', asCount],
  limit_conn: ['bulkhead.perKey'],
  client_max_body_size: ['limits.maxRequestBody', asSize],
  client_header_timeout: ['limits.headerTimeout', asSeconds],
  client_body_timeout: ['limits.bodyIdle', asSeconds],
  keepalive_timeout: ['limits.keepAlive', asSeconds],
  large_client_header_buffers: ['limits.maxHeaderSize'],
  client_header_buffer_size: ['limits.maxHeaderSize', asSize],
  worker_connections: ['limits.maxConnections', asCount],
  worker_shutdown_timeout: ['shutdown.grace', asSeconds],
  proxy_cache_use_stale: ['fallback'],
  proxy_ssl_trusted_certificate: ['tls.ca', asWord],
  proxy_ssl_certificate: ['tls.cert', asWord],
  proxy_ssl_certificate_key: ['tls.key', asWord],
  proxy_ssl_name: ['tls.serverName', asWord],
  proxy_ssl_verify: ['tls.insecureSkipVerify', asInverse],
  access_log: ['log.access'],
  error_log: ['log.level'],
};

const programs: readonly (readonly [program: string, table: ForeignTable])[] = [
  ['Envoy', envoy],
  ['Dapr', dapr],
  ['resilience4j', resilience4j],
  ['Polly', polly],
  ['nginx', nginx],
  ...foreignLimitKeys,
  ...foreignEndpointKeys,
];

const keysOf = (program: string, table: ForeignTable): ForeignKey[] =>
  Object.entries(table).map(([key, [option, read]]) => ({ program, key, option, read }));

/** All of them. */
export const foreignKeys: readonly ForeignKey[] = [
  ...programs.flatMap(([program, table]) => keysOf(program, table)),
  ...foreignSectionKeys.flatMap(([program, section, table]) =>
    keysOf(program, table).map((foreign) => ({ ...foreign, section })),
  ),
];
