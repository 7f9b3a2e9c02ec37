/** What follows from a list of policies: their settings, and the layers of an upstream and of its routes. */
import type { Judge } from './judge.js';
import type { Static, TSchema } from './json-schema.js';
import type {
  AnyLayer,
  AttemptLayer,
  CallLayer,
  DescribeCall,
  EditRequest,
  LayerLists,
} from './pipeline.js';
import type { AnyPolicy, Needs, PolicyContext, PolicyList } from './policy.js';

/** An upstream's or a route's effective policies, decoded. */
export type SettingsOf<List extends PolicyList> = {
  readonly [P in List[number] as P['name']]: Static<P['schema']>;
};

/** Undefined where a policy is off. */
export type LayersOf<List extends PolicyList> = {
  readonly [P in List[number] as P['name']]: ReturnType<P['create']>;
};

/** Of any list, by the policies' names. */
export type Layers = Readonly<Record<string, AnyLayer | undefined>>;

/** What a route has from its upstream. */
export interface Inherited {
  readonly layers: Layers;
  /** The option paths that the route itself writes, parents included: `retry`, `retry.budget`, `retry.budget.ratio`. */
  readonly writes: ReadonlySet<string>;
}

/** Each policy key's schema. */
export function schemasOf<List extends PolicyList>(policies: List) {
  return Object.fromEntries(policies.map(({ name, schema }) => [name, schema])) as {
    readonly [P in List[number] as P['name']]: P['schema'];
  } & Readonly<Record<string, TSchema>>;
}

/** The route writes something that the policy reads, or the policy gives each route a layer. */
const isOwn = (policy: AnyPolicy, settings: unknown, writes: ReadonlySet<string>) =>
  writes.has(policy.name) ||
  policy.reads?.some((key) => writes.has(key)) === true ||
  policy.hasLayerPerRoute?.(settings) === true;

/**
 * An upstream's layers, or a route's. A route shares the layers, and so the state, of its upstream, except for the
 * policies it writes and those that give each route a layer: a route with a circuit breaker or bulkhead of its own fails,
 * queues and is refused by itself.
 * @param previous the layers of that name before a reload, with nothing in them that was only shared.
 */
export function createLayers<List extends PolicyList>(
  policies: List,
  settings: SettingsOf<List>,
  context: PolicyContext,
  inherited?: Inherited,
  previous?: Layers,
): LayersOf<List> {
  const createOne = (policy: AnyPolicy): AnyLayer | undefined => {
    const { name } = policy;
    if (inherited === undefined) return policy.create(settings, context, previous?.[name]);
    const { layers, writes } = inherited;
    if (!isOwn(policy, settings, writes)) return layers[name];
    const isShared = policy.sharesState?.(writes) === true;
    return policy.create(settings, context, isShared ? layers[name] : previous?.[name]);
  };
  const entries = policies.map((policy) => [policy.name, createOne(policy)]);
  return Object.fromEntries(entries) as LayersOf<List>;
}

/** The layers that are on, in the order of the policies: what `compose` takes. */
export function listLayers(policies: PolicyList, layers: Layers): LayerLists {
  const of = (level: AnyPolicy['level']) =>
    policies.flatMap((policy): AnyLayer[] => {
      const layer = policy.level === level ? layers[policy.name] : undefined;
      return layer === undefined ? [] : [layer];
    });
  return { call: of('call') as CallLayer[], attempt: of('attempt') as AttemptLayer[] };
}

/** Those that a route does not have from its upstream; undefined where it switches a policy off. */
export function ownLayers<List extends PolicyList>(
  policies: List,
  settings: SettingsOf<List>,
  layers: Layers,
  writes: ReadonlySet<string>,
): Layers {
  const own = policies.filter((policy) => isOwn(policy, settings, writes));
  return Object.fromEntries(own.map(({ name }) => [name, layers[name]]));
}

/** Ends what the layers do besides calls. */
export function retireLayers(layers: Layers): void {
  for (const layer of Object.values(layers)) layer?.retire?.();
}

/** A route of these settings, which writes this, has something to show from the start, before it is called. */
export function isShownAtOnce<List extends PolicyList>(
  policies: List,
  settings: SettingsOf<List>,
  writes: ReadonlySet<string>,
): boolean {
  return policies.some(
    (policy) => policy.isShownPerRoute === true && isOwn(policy, settings, writes),
  );
}

/** What writes on the request of each attempt, outermost first. */
export function listRequestFields(policies: PolicyList, layers: Layers): EditRequest[] {
  return policies.flatMap(({ name }) => layers[name]?.requestFields ?? []);
}

/** What writes on the response to each call, outermost first. */
export function listResponseFields(policies: PolicyList, layers: Layers): DescribeCall[] {
  return policies.flatMap(({ name }) => layers[name]?.responseFields ?? []);
}

const judgeNothing: Judge = () => undefined;

type AllNeeds = { readonly [Key in keyof Needs]-?: Exclude<Needs[Key], undefined> };

type GatheredNeeds = Omit<AllNeeds, 'calls' | 'callerField'> & Pick<Needs, 'callerField'>;

/** What all policies together need of the rest of an exchange; a bound that is not there is `off`. */
export function needsOf<List extends PolicyList>(
  policies: List,
  settings: SettingsOf<List>,
): GatheredNeeds {
  // In one pass. The first policy that has a value has the say.
  let replayBytes = 0;
  const upstreams = new Set<string>();
  let ownRetryAfterMs: Needs['ownRetryAfterMs'];
  let connectMs: Needs['connectMs'];
  let tunnelIdleMs: Needs['tunnelIdleMs'];
  let judge: Needs['judge'];
  let callerField: Needs['callerField'];
  for (const policy of policies) {
    const needs = policy.needs?.(settings);
    if (needs === undefined) continue;
    replayBytes = Math.max(replayBytes, needs.replayBytes ?? 0);
    for (const upstream of needs.upstreams ?? []) upstreams.add(upstream);
    ownRetryAfterMs ??= needs.ownRetryAfterMs;
    connectMs ??= needs.connectMs;
    tunnelIdleMs ??= needs.tunnelIdleMs;
    judge ??= needs.judge;
    callerField ??= needs.callerField;
  }
  return {
    replayBytes,
    ownRetryAfterMs: ownRetryAfterMs ?? Infinity,
    connectMs: connectMs ?? 'off',
    tunnelIdleMs: tunnelIdleMs ?? 'off',
    judge: judge ?? judgeNothing,
    callerField,
    upstreams: [...upstreams],
  };
}

/** The same for many routes of one list of policies: gathered once for settings that routes share. */
export class NeedsMemo<List extends PolicyList> {
  readonly #policies: List;
  readonly #known = new WeakMap<object, GatheredNeeds>();

  constructor(policies: List) {
    this.#policies = policies;
  }

  of(settings: SettingsOf<List>): GatheredNeeds {
    let needs = this.#known.get(settings);
    if (needs === undefined) this.#known.set(settings, (needs = needsOf(this.#policies, settings)));
    return needs;
  }
}
