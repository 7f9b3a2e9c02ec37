/** How many descriptors a configuration may need at once. */
import type { Config } from '../config/config.js';
import { wantedBy } from './addresses.js';

/** For listeners, the admin server's connections, the log, the store, files that are read. */
const SPARE = 64;

export interface DescriptorNeed {
  readonly total: number;
  /** Connections of clients: `maxConnections` of each listener, or as many as there are calls where it is off. */
  readonly clients: number;
  /** Calls that all bulkheads together let through at once, each on a connection to its upstream. */
  readonly calls: number;
}

export function descriptorNeed(config: Config): DescriptorNeed {
  const { maxConnections } = config.limits;
  let calls = 0;
  for (const { policies, routes } of config.upstreams) {
    const { bulkhead } = policies;
    if (bulkhead !== 'off') calls += bulkhead.maxConcurrent;
    for (const route of routes) {
      const own = route.policies.bulkhead;
      if (route.writes.has('bulkhead') && own !== 'off') calls += own.maxConcurrent;
    }
  }
  const clients = maxConnections === 'off' ? calls : maxConnections * wantedBy(config).length;
  return { total: clients + calls + SPARE, clients, calls };
}

/** @param limit undefined where it is not known. @returns what to tell the operator. */
export function describeShortage(config: Config, limit: number | undefined): string | undefined {
  const { total, clients, calls } = descriptorNeed(config);
  if (limit === undefined || limit >= total) return undefined;
  return `only ${limit} descriptors may be open (ulimit -n), but up to ${total} may be needed: ${clients} connections of clients, ${calls} to upstreams, and ${SPARE} for the rest; raise the limit, or lower limits.maxConnections or bulkhead.maxConcurrent`;
}
