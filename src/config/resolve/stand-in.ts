/** Values for variables that are not set, so that the rest of a file can be checked. */
import {
  valueOf,
  type SourceEntry,
  type SourceList,
  type SourceMap,
  type SourceNode,
} from '../syntax/source.js';

/** By the last step of the path: what upstreams, routes and sections need, or lints ask for. */
const standIns: Readonly<Record<string, (line: number) => string>> = {
  // Port 0 never collides with another listener.
  listen: () => '127.0.0.1:0',
  target: () => 'http://unset.invalid',
  prefix: (line) => `/unset-${line}`,
  path: (line) => `/unset-${line}`,
  name: (line) => `unset-${line}`,
  token: () => 'unset',
  url: () => 'redis://unset.invalid',
  password: () => 'unset',
};

const isUnset = (node: SourceNode | undefined) => node?.kind === 'broken' && node.isUnset === true;

/** The same tree without values that are not known: they are replaced by a stand-in, or left out. */
export function standIn(root: SourceNode): SourceNode {
  if (root.kind === 'map') return standInMap(root);
  return root.kind === 'list' ? standInList(root) : root;
}

function standInMap(map: SourceMap): SourceMap {
  const entries = new Map<string, SourceEntry>();
  for (const [key, { key: position, value }] of map.entries) {
    const stand = Object.hasOwn(standIns, key) ? standIns[key] : undefined;
    if (!isUnset(value)) {
      const known = key === 'targets' && value.kind === 'list' ? standInTargets(value) : value;
      entries.set(key, { key: position, value: standIn(known) });
    } else if (stand !== undefined) {
      const text = stand(value.position.line);
      const scalar: SourceNode = { kind: 'scalar', position: value.position, value: text };
      entries.set(key, { key: position, value: scalar });
    }
  }
  return { ...map, entries };
}

/** Targets must fit together, which a stand-in beside those that are known would not. */
function standInTargets(list: SourceList): SourceList {
  const items = list.items
    .filter((item) => !isUnset(item) && !isUnset(valueOf(item, 'url')))
    .map((item) => (isUnset(valueOf(item, 'weight')) ? valueOf(item, 'url')! : item));
  const { position } = list;
  const stand: SourceNode = { kind: 'scalar', position, value: 'http://unset.invalid' };
  return { ...list, items: items.length === 0 ? [stand] : items };
}

/** An item that needs what is not known is left out; a route has stand-ins. */
function standInList(list: SourceList): SourceList {
  const items = list.items
    .map((item) => [item, standIn(item)] as const)
    .filter(([before, after]) => !isUnset(before) && sizeOf(before) === sizeOf(after))
    .map(([, after]) => after);
  return { ...list, items };
}

const sizeOf = (node: SourceNode) => (node.kind === 'map' ? node.entries.size : 0);
