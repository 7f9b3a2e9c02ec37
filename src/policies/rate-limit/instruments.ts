/** What the rate limit tells, and its metric. */
import type { Counter } from '../../core/instruments.js';

/** A call was refused. */
export interface RateLimited {
  readonly type: 'rate-limited';
}

const limited: Counter<RateLimited> = {
  kind: 'counter',
  name: 'breakwater_rate_limited_total',
  help: 'Calls that were refused because they came faster than the rate limit allows.',
  event: 'rate-limited',
  per: 'route',
  labels: {},
  known: [{}],
};

export const instruments = [limited];
