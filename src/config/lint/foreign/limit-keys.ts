/** Keys of other programs for rate limits, faults on purpose and tracing. */
import {
  asCount,
  asPercent,
  asPerSecond,
  asRatio,
  asSeconds,
  asShadow,
  asWord,
  type ForeignTable,
} from '../../schema/foreign-values.js';

/** Those of Istio are among them. */
const envoy: ForeignTable = {
  local_ratelimit: ['rateLimit'],
  local_rate_limit: ['rateLimit'],
  rate_limits: ['rateLimit'],
  token_bucket: ['rateLimit'],
  max_tokens: ['rateLimit.burst', asCount],
  tokens_per_fill: ['rateLimit.rate'],
  fill_interval: ['rateLimit.rate'],
  fixed_delay: ['fault.delay.time', asSeconds],
  http_status: ['fault.abort.status', asCount],
  random_sampling: ['tracing.sample', asPercent],
  random_sampling_percentage: ['tracing.sample', asPercent],
};

const dapr: ForeignTable = {
  maxRequestsPerSecond: ['rateLimit.rate', asPerSecond],
  samplingRate: ['tracing.sample', asRatio],
  endpointAddress: ['tracing.endpoint'],
};

const resilience4j: ForeignTable = {
  ratelimiter: ['rateLimit'],
  limitForPeriod: ['rateLimit.rate'],
  limitRefreshPeriod: ['rateLimit.rate'],
};

const polly: ForeignTable = {
  TokenLimit: ['rateLimit.burst', asCount],
  TokensPerPeriod: ['rateLimit.rate'],
  ReplenishmentPeriod: ['rateLimit.rate'],
  Latency: ['fault.delay.time', asSeconds],
};

const nginx: ForeignTable = {
  limit_req: ['rateLimit'],
  limit_req_zone: ['rateLimit.perKey'],
  limit_req_dry_run: ['rateLimit.mode', asShadow],
  otel_exporter: ['tracing.endpoint'],
  otel_service_name: ['tracing.serviceName', asWord],
  otel_trace: ['tracing.sample'],
};

/** By the name of the program. */
export const foreignLimitKeys: readonly (readonly [program: string, table: ForeignTable])[] = [
  ['Envoy', envoy],
  ['Dapr', dapr],
  ['resilience4j', resilience4j],
  ['Polly', polly],
  ['nginx', nginx],
];
