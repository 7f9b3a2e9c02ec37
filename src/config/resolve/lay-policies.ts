/** Lays the policies of each upstream and route over what they inherit. */
import type { RouteMatch } from '../../core/model.js';
import type { Path } from '../syntax/diagnostics.js';
import { itemsOf, textOf, toPlain, valueOf, type SourceNode } from '../syntax/source.js';
import {
  builtInOf,
  layKeysOver,
  writtenPaths,
  type EffectiveMap,
  type Schemas,
  type WrittenLayer,
} from './layers.js';
import type { UpstreamParts } from './upstreams.js';

export interface EffectiveRoute {
  readonly name: string;
  readonly match: RouteMatch;
  readonly policies: EffectiveMap;
  readonly writes: ReadonlySet<string>;
}

/** An upstream's policies in the file's notation, with origins. */
export interface EffectiveUpstream {
  readonly name: string;
  readonly connections: EffectiveMap;
  readonly policies: EffectiveMap;
  readonly routes: readonly EffectiveRoute[];
}

/** What upstreams inherit: made once for all of them, and once more per profile. */
export function layShared(
  root: SourceNode,
  schemas: Schemas,
): (part: UpstreamParts) => EffectiveMap {
  const withDefaults = layKeysOver(builtInOf(schemas), valueOf(root, 'defaults'), schemas, {
    layer: 'defaults',
    path: ['defaults'],
  });
  const profiles = new Map<string, EffectiveMap>();
  return ({ node }) => {
    const name = textOf(valueOf(node, 'profile'));
    if (name === undefined) return withDefaults;
    let withProfile = profiles.get(name);
    if (withProfile === undefined) {
      const path = ['profiles', name];
      const written = valueOf(valueOf(root, 'profiles'), name);
      withProfile = layKeysOver(withDefaults, written, schemas, { layer: 'profile', path });
      profiles.set(name, withProfile);
    }
    return withProfile;
  };
}

export function layPolicies(
  { name, node }: UpstreamParts,
  inherited: EffectiveMap,
  schemas: Schemas,
) {
  const path = ['upstreams', name];
  const policies = layKeysOver(inherited, node, schemas, { layer: 'own', path });
  const routes = itemsOf(valueOf(node, 'routes')).map(
    (route, i): EffectiveRoute => new LaidRoute(route, policies, schemas, [...path, 'routes', i]),
  );
  return { name, policies, routes };
}

/** A class, because an object with a getter takes V8 many times as long to make, and there may be ten thousand. */
class LaidRoute implements EffectiveRoute {
  readonly name: string;
  readonly match: RouteMatch;
  readonly writes: ReadonlySet<string>;
  readonly #node: SourceNode;
  readonly #base: EffectiveMap;
  readonly #schemas: Schemas;
  readonly #path: Path;
  #policies: EffectiveMap | undefined;

  constructor(node: SourceNode, base: EffectiveMap, schemas: Schemas, path: Path) {
    this.name = textOf(valueOf(node, 'name'))!;
    this.match = matchOf(valueOf(node, 'match')!);
    this.writes = writtenPaths(node, schemas);
    this.#node = node;
    this.#base = base;
    this.#schemas = schemas;
    this.#path = path;
  }

  /** Most routes of a large file share the settings of another one, and it is seldom asked where theirs come from. */
  get policies(): EffectiveMap {
    const from: WrittenLayer = { layer: 'route', path: this.#path };
    return (this.#policies ??= layKeysOver(this.#base, this.#node, this.#schemas, from));
  }
}

function matchOf(node: SourceNode): RouteMatch {
  const methods = valueOf(node, 'methods');
  return {
    methods: methods === undefined ? undefined : (toPlain(methods) as string[]),
    path: textOf(valueOf(node, 'path')),
  };
}
