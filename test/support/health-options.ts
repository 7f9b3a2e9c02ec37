/** What is configured of the health of endpoints, with short and round times. */
import type {
  EjectionOptions,
  HealthCheckOptions,
  HealthOptions,
} from '../../src/upstream/health/options.js';

export const ejection: EjectionOptions = {
  consecutiveFailures: 3,
  baseTime: 1000,
  maxTime: 2500,
  maxShare: 0.5,
};

export const healthCheck: HealthCheckOptions = {
  path: '/healthz',
  grpc: undefined,
  interval: 1000,
  timeout: 200,
  unhealthyAfter: 2,
  healthyAfter: 2,
  statuses: [200, 204],
};

export const healthOptions: HealthOptions = { ejection, healthCheck, slowStart: 0 };
