/** What a lint rule looks at: the effective policies of one upstream or route, and where each value was written. */
import type { EffectiveUpstream } from '../resolve/lay-policies.js';
import type { ConnectionOptions } from '../schema/connection-keys.js';
import type { Config, PolicySettings, UpstreamConfig } from '../config.js';
import { comparePositions, type Level, type Path, type Position } from '../syntax/diagnostics.js';
import { layers, type Effective, type EffectiveMap, type Origin } from '../resolve/layers.js';
import type { Comment } from '../syntax/comments.js';
import { entryOf, itemsOf, valueOf, type SourceNode } from '../syntax/source.js';

/** Somewhere in the file. */
export interface Place {
  readonly position: Position;
  readonly path: Path;
  /** The place is in `defaults` or a profile, which more than one upstream may use. */
  readonly isShared?: boolean;
}

/** A rule's objection. */
export interface Offence {
  readonly place: Place;
  /** What will happen in production, and which value to change to what. */
  readonly message: string;
}

/** A file without mistakes, and all that is known about it. */
export interface LintFile {
  readonly config: Config;
  readonly effective: readonly EffectiveUpstream[];
  readonly root: SourceNode;
  readonly comments: readonly Comment[];
  /** Names of all rules, which comments may use. */
  readonly ruleNames: readonly string[];
  readonly upstreams: readonly LintUpstream[];
}

/** What a rule found, and for which upstream or route; `name` is left out if the place shows it. */
export type Found = readonly (Offence & { readonly name?: string })[];

export interface LintRule {
  /** For `# breakwater-ignore:`; never changes. */
  readonly name: string;
  readonly level: Exclude<Level, 'error'>;
  readonly check: (file: LintFile) => Found;
}

/** The effective policies of an upstream or of one of its routes. @typeParam Settings other keys, laid over each other as policies are. */
export class Scope<Settings extends object = PolicySettings> {
  readonly name: string;
  readonly policies: Settings;
  readonly #effective: EffectiveMap;
  readonly #fallback: Place;

  /** @param fallback the place to report for values that are not in the file. */
  constructor(name: string, policies: Settings, effective: EffectiveMap, fallback: Place) {
    this.name = name;
    this.policies = policies;
    this.#effective = effective;
    this.#fallback = fallback;
  }

  /** The decoded value at a path such as `retry.backoff.jitter`; undefined if it or its parent is off or unknown. */
  value(path: string): unknown {
    // By name, so that a rule may ask for a policy that does not exist.
    let value: unknown = this.policies;
    for (const key of path.split('.')) {
      if (typeof value !== 'object' || value === null) return undefined;
      value = (value as Readonly<Record<string, unknown>>)[key];
    }
    return value === 'off' ? undefined : value;
  }

  number(path: string): number | undefined {
    const value = this.value(path);
    return typeof value === 'number' ? value : undefined;
  }

  list(path: string): readonly unknown[] {
    const value = this.value(path);
    return Array.isArray(value) ? value : [];
  }

  /** Where the value, or `off` for its parent, was written. @param item index within a list. */
  place(path: string, item?: number): Place {
    const origin = this.#originOf(path);
    if (origin.layer === 'default') return this.#fallback;
    const { node, layer, path: written } = origin;
    const part = item === undefined ? undefined : itemsOf(node)[item];
    return {
      position: (part ?? node).position,
      path: part === undefined ? written : [...written, item!],
      isShared: layer === 'defaults' || layer === 'profile',
    };
  }

  /**
   * The place to blame for values that contradict each other: the value from the most specific layer, because without it
   * the values were consistent. If there are several, the first of them.
   */
  culprit(...paths: readonly [string, ...string[]]): Place {
    const rank = (path: string) => layers.indexOf(this.#originOf(path).layer);
    const highest = Math.max(...paths.map(rank));
    return this.place(paths.find((path) => rank(path) === highest)!);
  }

  isBuiltIn(path: string): boolean {
    return this.#originOf(path).layer === 'default';
  }

  #originOf(path: string): Origin {
    let found: Effective | undefined = this.#effective;
    for (const key of path.split('.')) {
      if (found?.kind !== 'map') break;
      found = found.entries.get(key);
    }
    return found?.kind === 'leaf' ? found.origin : { layer: 'default' };
  }
}

/** How an upstream is reached. */
export type ConnectionScope = Scope<ConnectionOptions>;

export interface LintUpstream {
  readonly config: UpstreamConfig;
  /** Its mapping. */
  readonly node: SourceNode;
  /** Its key. */
  readonly key: Place;
  readonly own: Scope;
  readonly connections: ConnectionScope;
  readonly routes: readonly Scope[];
}

export function listUpstreams(
  config: Config,
  effective: readonly EffectiveUpstream[],
  root: SourceNode,
): LintUpstream[] {
  return config.upstreams.map((upstream, i) => {
    const { name } = upstream;
    const entry = entryOf(valueOf(root, 'upstreams'), name)!;
    const key = { position: entry.key, path: ['upstreams', name] };
    const { connections, policies, routes } = effective[i]!;
    return {
      config: upstream,
      node: entry.value,
      key,
      own: new Scope(name, upstream.policies, policies, key),
      connections: new Scope<ConnectionOptions>(name, upstream, connections, key),
      routes: upstream.routes.map(
        (route, j) =>
          new Scope(`route ${route.name} of ${name}`, route.policies, routes[j]!.policies, key),
      ),
    };
  });
}

/** Checks the policies of each upstream and of each route. An offence that a route inherits is reported once, for the upstream. */
export function eachScope(find: (scope: Scope) => Offence | undefined): (file: LintFile) => Found {
  return ({ upstreams }) =>
    upstreams.flatMap(({ own, routes }) => {
      const inherited = find(own);
      return [own, ...routes].flatMap((scope) => {
        const offence = scope === own ? inherited : find(scope);
        if (offence === undefined) return [];
        const isInherited = scope !== own && inherited !== undefined && isSame(offence, inherited);
        return isInherited ? [] : [{ ...offence, name: scope.name }];
      });
    });
}

function isSame(a: Offence, b: Offence): boolean {
  const [p, q] = [a.place.position, b.place.position];
  return comparePositions(p, q) === 0 && a.message === b.message;
}
