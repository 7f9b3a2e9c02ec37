/** The settings of one policy, as an operator sends them: checked and decoded as those of a file are. */
import type { PolicyList } from '../core/policy.js';
import { loadText } from './load.js';

export type ReadPolicy =
  | { readonly settings: unknown }
  /** What is wrong with it, in a sentence. */
  | { readonly problem: string };

const UPSTREAM = 'x';

/**
 * @param policy its key in a file.
 * @param written plain data, in the notation of the file. Nothing is inherited: what it leaves out has its default.
 */
export function readPolicy(policy: string, written: unknown, policies: PolicyList): ReadPolicy {
  const upstream = { prefix: `/${UPSTREAM}`, target: 'http://localhost', [policy]: written };
  // JSON is YAML.
  const text = JSON.stringify({ upstreams: { [UPSTREAM]: upstream } });
  const { config, diagnostics } = loadText(text, policy, {}, policies);
  if (config === undefined) {
    const prefix = `upstreams.${UPSTREAM}.`;
    const problems = diagnostics.map(
      ({ path, message }) => `${path.replace(prefix, '')} ${message}`,
    );
    return { problem: problems.join('; ') };
  }
  const settings: Readonly<Record<string, unknown>> = config.upstreams[0]!.policies;
  return { settings: settings[policy] };
}
