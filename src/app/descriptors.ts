/** How many descriptors a configuration may need at once. */
import type { Config, PolicySettings } from '../config/config.js';
import type { AnyPolicy, PolicyList } from '../core/policy.js';
import { wantedBy } from './addresses.js';

/** For listeners, the admin server's connections, the log, the store, files that are read. */
const SPARE = 64;

export interface DescriptorNeed {
  readonly total: number;
  /** Connections of clients: `maxConnections` of each listener, or as many as there are calls where it is off. */
  readonly clients: number;
  /** Calls that the policies together let through at once, each on a connection to its upstream. */
  readonly calls: number;
}

const callsOf = (policy: AnyPolicy | undefined, settings: PolicySettings): number =>
  policy?.needs?.(settings).calls ?? 0;

export function descriptorNeed(config: Config, policies: PolicyList): DescriptorNeed {
  const { maxConnections } = config.limits;
  const byName = new Map(policies.map((policy) => [policy.name, policy]));
  let calls = 0;
  for (const upstream of config.upstreams) {
    for (const policy of policies) calls += callsOf(policy, upstream.policies);
    // By what a route writes, which is less than there are policies: there may be ten thousand routes.
    for (const { policies: settings, writes } of upstream.routes) {
      for (const name of writes) calls += callsOf(byName.get(name), settings);
    }
  }
  const clients = maxConnections === 'off' ? calls : maxConnections * wantedBy(config).length;
  return { total: clients + calls + SPARE, clients, calls };
}

/** @param limit undefined where it is not known. @returns what to tell the operator. */
export function describeShortage(
  config: Config,
  policies: PolicyList,
  limit: number | undefined,
): string | undefined {
  const { total, clients, calls } = descriptorNeed(config, policies);
  if (limit === undefined || limit >= total) return undefined;
  return `only ${limit} descriptors may be open (ulimit -n), but up to ${total} may be needed: ${clients} connections of clients, ${calls} to upstreams, and ${SPARE} for the rest; raise the limit, or lower limits.maxConnections or the limits of calls`;
}
