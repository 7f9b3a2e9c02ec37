/** Names of files in an included file, which are relative to it: rewritten to be relative to the file that includes it. */
import { isAbsolute, join } from 'node:path';
import type { PolicyList } from '../../core/policy.js';
import { valueOf, type SourceNode, type SourceScalar } from '../syntax/source.js';
import { keyPlaces, nodesAt, upstreamPlaces } from './source-paths.js';
import { FILE_KEYS } from './tls.js';

/** @param folder of the included file, as seen from that of the file that includes it. */
export function rebaseFileNames(root: SourceNode, folder: string, policies: PolicyList): void {
  if (folder === '') return;
  const names = new Set<SourceNode | undefined>();
  for (const { node } of upstreamPlaces(root)) {
    for (const key of FILE_KEYS) names.add(valueOf(valueOf(node, 'tls'), key));
  }
  for (const { name, references } of policies) {
    for (const { at } of references?.files ?? []) {
      for (const options of keyPlaces(root, name)) {
        for (const { node } of nodesAt(options, at)) names.add(node);
      }
    }
  }
  for (const node of names) if (node?.kind === 'scalar') rebase(node, folder);
}

function rebase(scalar: SourceScalar, folder: string): void {
  const { value } = scalar;
  if (typeof value === 'string' && !isAbsolute(value)) scalar.value = join(folder, value);
}
