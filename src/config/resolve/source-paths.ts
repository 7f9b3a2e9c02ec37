/** Finds the nodes of a configuration that paths of settings lead to. */
import type { SettingsPath } from '../../core/policy.js';
import type { Path } from '../syntax/diagnostics.js';
import { entriesOf, itemsOf, textOf, valueOf, type SourceNode } from '../syntax/source.js';

export interface Place {
  readonly node: SourceNode;
  readonly path: Path;
}

/** The value of a key, if the mapping has it. */
export function child({ node, path }: Place, key: string): Place | undefined {
  const value = valueOf(node, key);
  return value === undefined ? undefined : { node: value, path: [...path, key] };
}

/** All nodes at `path`, seen from `place`. */
export function nodesAt(place: Place, [step, ...rest]: SettingsPath): Place[] {
  if (step === undefined) return [place];
  if (step === '*') {
    return itemsOf(place.node).flatMap((node, i) =>
      nodesAt({ node, path: [...place.path, i] }, rest),
    );
  }
  const next = child(place, step);
  return next === undefined ? [] : nodesAt(next, rest);
}

/** Where the routes of an upstream write a key. A large file has many routes, and few of them write any one key. */
function keyOfRoutes({ node, path }: Place, key: string): Place[] {
  const places: Place[] = [];
  for (const [i, route] of itemsOf(valueOf(node, 'routes')).entries()) {
    const value = valueOf(route, key);
    if (value !== undefined) places.push({ node: value, path: [...path, 'routes', i, key] });
  }
  return places;
}

/** Every upstream. */
export const upstreamPlaces = (root: SourceNode): Place[] =>
  [...entriesOf(valueOf(root, 'upstreams'))].map(([name, { value }]) => ({
    node: value,
    path: ['upstreams', name],
  }));

/** `defaults`, each profile and each upstream. */
function ownerPlaces(root: SourceNode): Place[] {
  const top: Place = { node: root, path: [] };
  const defaults = child(top, 'defaults');
  const named = ['profiles', 'upstreams'].flatMap((section) =>
    [...entriesOf(valueOf(root, section))].map(([name, { value }]): Place => ({
      node: value,
      path: [section, name],
    })),
  );
  return defaults === undefined ? named : [defaults, ...named];
}

/** Where a key of policies is written: in `defaults`, profiles, upstreams and routes. */
export const keyPlaces = (root: SourceNode, key: string): Place[] =>
  ownerPlaces(root).flatMap((place) => {
    const ofRoutes = keyOfRoutes(place, key);
    const own = child(place, key);
    return own === undefined ? ofRoutes : [own, ...ofRoutes];
  });

/** Where an upstream, its profile and `defaults` write a key: the strongest first. */
function placesOf(root: SourceNode, upstream: Place, key: string): Place[] {
  const top: Place = { node: root, path: [] };
  const name = textOf(valueOf(upstream.node, 'profile'));
  const profiles = child(top, 'profiles');
  const layers = [
    upstream,
    name === undefined || profiles === undefined ? undefined : child(profiles, name),
    child(top, 'defaults'),
  ];
  return layers.flatMap((layer) => (layer && child(layer, key)) ?? []);
}

const isOff = ({ node }: Place) =>
  node.kind === 'scalar' && (node.value === 'off' || node.value === false);

/** The mappings that are laid over each other for a key, the strongest first; none of them where it is off. */
export function layersInForce(root: SourceNode, upstream: Place, key: string): Place[] {
  const places = placesOf(root, upstream, key);
  const off = places.findIndex(isOff);
  return off === -1 ? places : places.slice(0, off);
}

/**
 * Where the effective value of a policy's key is written, for an upstream and for each of its routes that writes it. The
 * value is a list or off: lists replace each other as a whole, so the nearest one holds.
 */
export function placesInForce(root: SourceNode, upstream: Place, key: string): Place[] {
  const [own] = placesOf(root, upstream, key);
  const ofRoutes = keyOfRoutes(upstream, key);
  return own === undefined ? ofRoutes : [own, ...ofRoutes];
}
