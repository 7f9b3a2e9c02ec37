/** What a simulation of a configuration cannot show, in sentences. */
import type { Config, UpstreamConfig } from '../config/config.js';
import { needsOf } from '../core/layers.js';
import { plural } from '../lib/plural.js';
import { nameOf } from '../outbound/names/target-addresses.js';
import { policies } from '../policies/index.js';

/** @param addresses that each name is given. */
export function listLeftOut(config: Config, upstream: UpstreamConfig, addresses: number): string[] {
  const { stores, overload } = config;
  const { healthCheck, targets, routes } = upstream;
  const names = [...new Set(targets.flatMap(({ target }) => nameOf(target) ?? []))];
  const settings = [upstream, ...routes].map((each) => each.policies);
  const others = new Set(settings.flatMap((each) => needsOf(policies, each).upstreams));
  return [
    ...(stores.kind === 'memory'
      ? []
      : [
          `stores: nothing is shared with other processes; this process's memory stands in for ${stores.kind}`,
        ]),
    ...(healthCheck === 'off' ? [] : ['healthCheck: no checks are made']),
    ...(overload === 'off' ? [] : ['overload: the load of the process itself is not known']),
    ...(names.length === 0
      ? []
      : [`DNS: no name is looked up; ${describeNames(names, addresses)}`]),
    ...(others.size === 0
      ? []
      : [`faults of other upstreams: ${[...others].join(' and ')} responds to each call`]),
  ];
}

function describeNames(names: readonly string[], addresses: number): string {
  const count = plural(addresses, 'address', 'addresses');
  return names.length === 1
    ? `${names[0]} has ${count}`
    : `${names.join(' and ')} have ${count} each`;
}
