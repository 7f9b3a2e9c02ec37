/** The configuration of a simulated upstream. */
import type { Config } from '../../src/config/config.js';
import { loadText } from '../../src/config/load.js';
import { formatDiagnostics } from '../../src/config/syntax/diagnostics.js';

export const UPSTREAM = 'catalog';

/**
 * A file with one upstream, as the program would read it; throws with all that is wrong.
 * @param keys of the upstream, in the file's notation; `target` or `targets` is needed.
 */
export function readConfig(keys: Readonly<Record<string, unknown>>): Config {
  // JSON is YAML.
  const text = JSON.stringify({ upstreams: { [UPSTREAM]: { listen: 8101, ...keys } } });
  const { config, diagnostics } = loadText(text, 'scenario', {});
  if (config === undefined) {
    throw new Error(`Cannot simulate because\n${formatDiagnostics(diagnostics)}`);
  }
  return config;
}
