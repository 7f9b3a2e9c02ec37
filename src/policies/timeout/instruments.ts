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

const shadowSeconds: Gauge<TimeoutLayer> = {
  kind: 'gauge',
  name: 'breakwater_shadow_attempt_timeout_seconds',
  help: 'How long a first attempt might take if timeout.adaptive were enforced. Shown in shadow only, once it is learned.',
  per: 'route',
  value({ shadow, adaptive }) {
    const learnedMs = shadow === undefined ? undefined : adaptive?.currentMs;
    return learnedMs === undefined ? undefined : learnedMs / 1000;
  },
};

export const instruments = [attemptSeconds, shadowSeconds];
