/** The policies of all resources by kind and name, and which of them have been used. */
import type { Draft } from '../draft.js';
import type { Foreign } from '../foreign.js';

const kinds = ['timeouts', 'retries', 'circuitBreakers'] as const;
export type PolicyKind = (typeof kinds)[number];

export interface PolicyTable {
  /** Counts as used. */
  find(kind: PolicyKind, name: string): Foreign | undefined;
  /** Tells of those that no target names. */
  tellUnused(draft: Draft): void;
}

/** Names are shared by all resources. Of two with the same name the later one stands, as in Dapr. */
export function collectPolicies(resources: readonly Foreign[], draft: Draft): PolicyTable {
  const known = new Map<string, Foreign>();
  const used = new Set<string>();
  for (const resource of resources) {
    for (const kind of kinds) {
      for (const [name, policy] of resource.at('spec', 'policies', kind)?.entries() ?? []) {
        const earlier = known.get(`${kind}/${name}`);
        if (earlier !== undefined) {
          earlier.use();
          draft.tell(
            `${earlier.origin}: ${policy.where} has a policy of the same name. The later one stands, as in Dapr.`,
          );
        }
        known.set(`${kind}/${name}`, policy);
      }
    }
  }
  return {
    find(kind, name) {
      const key = `${kind}/${name}`;
      used.add(key);
      return known.get(key);
    },
    tellUnused(draft) {
      for (const [key, policy] of known) {
        if (used.has(key)) continue;
        policy.use();
        draft.tell(`${policy.origin}: no app uses this policy.`);
      }
    },
  };
}
