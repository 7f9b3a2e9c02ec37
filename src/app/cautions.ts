/** What an operator has to be told about settings that are in force: at the start, and at each reload. */
import type { Config, PolicySettings } from '../config/config.js';
import type { AnyPolicy, PolicyList } from '../core/policy.js';

/** One sentence for each upstream and route, without a full stop. */
export function listCautions({ upstreams }: Config, policies: PolicyList): string[] {
  const cautions: string[] = [];
  const cautious = policies.filter((policy) => policy.caution !== undefined);
  const tell = (policy: AnyPolicy, name: string, settings: PolicySettings): void => {
    const caution = policy.caution?.(settings);
    if (caution !== undefined) cautions.push(`${name} ${caution}`);
  };
  // Loops, and no text before it is needed: there may be ten thousand routes.
  for (const { name, policies: settings, routes } of upstreams) {
    for (const policy of cautious) tell(policy, name, settings);
    for (const route of routes) {
      for (const policy of cautious) {
        if (route.writes.has(policy.name)) {
          tell(policy, `route ${route.name} of ${name}`, route.policies);
        }
      }
    }
  }
  return cautions;
}
