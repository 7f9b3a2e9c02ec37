/** Keys of an upstream that say how it is reached. Like policies they may stand in `defaults` and profiles, but not in routes. */
import { protocol, type Protocol } from '../../outbound/options.js';
import { balance, type BalanceOptions } from '../../upstream/balance/options.js';
import { resolve, type ResolveOptions } from '../../upstream/discovery/options.js';
import {
  ejection,
  healthCheck,
  slowStart,
  type HealthOptions,
} from '../../upstream/health/options.js';

export const connectionKeys = { resolve, balance, ejection, healthCheck, slowStart, protocol };

export interface ConnectionOptions extends HealthOptions {
  readonly protocol: Protocol;
  readonly resolve: ResolveOptions;
  readonly balance: BalanceOptions;
}
