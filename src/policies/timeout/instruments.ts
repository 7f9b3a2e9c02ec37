/** The metric of the timeouts. */
import type { Gauge } from '../../core/instruments.js';
import type { TimeoutLayer } from './adaptive-timeout.js';

const attemptSeconds: Gauge<TimeoutLayer> = {
  kind: 'gauge',
  name: 'breakwater_attempt_timeout_seconds',
  help: 'How long a first attempt may take now, as configured or as learned.',
  per: 'upstream',
  value: ({ attemptMs }) => (attemptMs === undefined ? undefined : attemptMs / 1000),
};

export const instruments = [attemptSeconds];
