/** Lays the keys that say how an upstream is reached over each other: defaults, profile and the upstream's own. */
import type { Off } from '../../core/options.js';
import { connectionKeys, type ConnectionOptions } from '../schema/connection-keys.js';
import { textOf, valueOf, type SourceNode } from '../syntax/source.js';
import { builtInOf, createDecoder, layKeysOver, type EffectiveMap } from './layers.js';
import type { UpstreamParts } from './upstreams.js';

export function layConnectionKeys(root: SourceNode, { name, node }: UpstreamParts): EffectiveMap {
  const profile = textOf(valueOf(node, 'profile'));
  let effective = layKeysOver(
    builtInOf(connectionKeys),
    valueOf(root, 'defaults'),
    connectionKeys,
    { layer: 'defaults', path: ['defaults'] },
  );
  if (profile !== undefined) {
    const written = valueOf(valueOf(root, 'profiles'), profile);
    const from = { layer: 'profile', path: ['profiles', profile] } as const;
    effective = layKeysOver(effective, written, connectionKeys, from);
  }
  const from = { layer: 'own', path: ['upstreams', name] } as const;
  return layKeysOver(effective, node, connectionKeys, from);
}

export function decodeConnectionKeys(effective: EffectiveMap): ConnectionOptions {
  // The schemas say what has been decoded, which the type checker cannot follow.
  const decoded = createDecoder()(effective, connectionKeys) as Omit<
    ConnectionOptions,
    'slowStart'
  > & { readonly slowStart: number | Off };
  const { slowStart } = decoded;
  return { ...decoded, slowStart: slowStart === 'off' ? 0 : slowStart };
}
