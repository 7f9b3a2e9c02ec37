/** Lays the keys that say how an upstream is reached over each other: defaults, profile and the upstream's own. */
import type { Off } from '../../core/options.js';
import { connectionKeys, type ConnectionOptions } from '../schema/connection-keys.js';
import type { SourceNode } from '../syntax/source.js';
import { layShared } from './lay-policies.js';
import { createDecoder, layKeysOver, type EffectiveMap } from './layers.js';
import type { UpstreamParts } from './upstreams.js';

/** For all upstreams of a file: those that write none of these keys share what they inherit. */
export function layConnectionKeys(root: SourceNode): (part: UpstreamParts) => EffectiveMap {
  const inheritedBy = layShared(root, connectionKeys);
  return (part) => {
    const from = { layer: 'own', path: ['upstreams', part.name] } as const;
    return layKeysOver(inheritedBy(part), part.node, connectionKeys, from);
  };
}

/** For all upstreams of a file: what is laid over each other in the same way is decoded once. */
export function createConnectionsDecoder(): (effective: EffectiveMap) => ConnectionOptions {
  const decode = createDecoder();
  return (effective) => {
    // The schemas say what has been decoded, which the type checker cannot follow.
    const decoded = decode(effective, connectionKeys) as Omit<ConnectionOptions, 'slowStart'> & {
      readonly slowStart: number | Off;
    };
    const { slowStart } = decoded;
    return { ...decoded, slowStart: slowStart === 'off' ? 0 : slowStart };
  };
}
