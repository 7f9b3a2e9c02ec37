/** What the program would give to an upstream: its configuration, and what it uses of the process. */
import { createHash } from 'node:crypto';
import type { UpstreamConfig } from '../../src/config/config.js';
import { loadText } from '../../src/config/load.js';
import { formatDiagnostics } from '../../src/config/syntax/diagnostics.js';
import type { Clock } from '../../src/core/clock.js';
import type { PolicyContext } from '../../src/core/policy.js';
import { MemoryStore } from '../../src/stores/memory.js';

const MEBIBYTE = 1024 * 1024;

/**
 * An upstream as the program would read it; throws with all that is wrong.
 * @param keys in the file's notation; `target` or `targets` is needed.
 */
export function readUpstream(keys: Readonly<Record<string, unknown>>): UpstreamConfig {
  // JSON is YAML.
  const text = JSON.stringify({ upstreams: { catalog: { listen: 8101, ...keys } } });
  const { config, diagnostics } = loadText(text, 'scenario', {});
  if (config === undefined) {
    throw new Error(`Cannot simulate because\n${formatDiagnostics(diagnostics)}`);
  }
  return config.upstreams[0]!;
}

export function createSupplies(
  clock: Clock,
): Pick<PolicyContext, 'store' | 'hash' | 'createToken'> {
  let tokens = 0;
  return {
    store: new MemoryStore({ maxBytes: MEBIBYTE, maxRecordBytes: MEBIBYTE, clock }),
    hash: (data) => createHash('sha256').update(data).digest('base64url'),
    createToken: () => `token-${(tokens += 1)}`,
  };
}
