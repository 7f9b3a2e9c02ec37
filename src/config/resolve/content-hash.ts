/** One short text for all that a configuration consists of: replicas with the same one have the same configuration. */
import { createHash } from 'node:crypto';
import type { Files } from './references.js';
import type { UpstreamParts } from './upstreams.js';

/** Hexadecimal digits: enough to tell apart all that a fleet ever had. */
const LENGTH = 12;

/**
 * @param texts of the configuration file itself, and of those that it includes.
 * @param parts with their TLS files, which are read.
 * @param files that policies name.
 */
export function hashContent(
  texts: readonly string[],
  parts: readonly UpstreamParts[],
  files: Files,
): string {
  const hash = createHash('sha256');
  const add = (content: string | Uint8Array) => {
    // The length keeps what ends one file from counting as the beginning of the next.
    hash.update(`${content.length}:`).update(content);
  };
  for (const text of texts) add(text);
  for (const content of files.values()) add(content);
  const known = new Set<string>();
  for (const { tls, tlsFiles } of parts) {
    const contents = [tls?.ca, tls?.cert, tls?.key].filter((content) => content !== undefined);
    for (const [i, content] of contents.entries()) {
      // Many upstreams may name the same large file.
      const path = tlsFiles[i]!;
      if (!known.has(path)) add(content);
      known.add(path);
    }
  }
  return hash.digest('hex').slice(0, LENGTH);
}
