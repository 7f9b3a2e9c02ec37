/** What an operator has to be told about settings that are in force: at the start, and at each reload. */
import type { Config, PolicySettings } from '../config/config.js';
import type { AnyPolicy, PolicyList } from '../core/policy.js';

/** One sentence for each upstream and route, without a full stop. */
export function listCautions({ upstreams }: Config, policies: PolicyList): string[] {
  // There may be ten thousand routes.
  const cautious = policies.filter((policy) => policy.caution !== undefined);
  const find = (name: string, settings: PolicySettings, isOwn: (policy: AnyPolicy) => boolean) =>
    cautious.flatMap((policy) => {
      const caution = isOwn(policy) ? policy.caution?.(settings) : undefined;
      return caution === undefined ? [] : [`${name} ${caution}`];
    });
  return upstreams.flatMap(({ name, policies: settings, routes }) => [
    ...find(name, settings, () => true),
    ...routes.flatMap((route) =>
      find(`route ${route.name} of ${name}`, route.policies, (policy) =>
        route.writes.has(policy.name),
      ),
    ),
  ]);
}
