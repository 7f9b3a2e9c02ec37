/** Settings of policies as a file gives them: the schema's defaults, and what a test changes. */
import { loadText } from '../../src/config/load.js';
import type { PolicyName, PolicySettings } from '../../src/policies/index.js';

type Switched = Exclude<PolicyName, 'fallback'>;
type On<Name extends Switched> = Exclude<PolicySettings[Name], 'off'>;

/** The decoded settings of a policy that is on, with `changes` in place of whole options. */
export function settingsOf<Name extends Switched>(
  name: Name,
  changes: Partial<On<Name>> = {},
): On<Name> {
  const text = `upstreams: { a: { listen: 1, target: 'http://a', ${name}: {} } }`;
  const { config } = loadText(text, 'test.yaml', {});
  return { ...(config!.upstreams[0]!.policies[name] as On<Name>), ...changes };
}
