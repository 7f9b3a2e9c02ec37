/** The policies in order, outermost first, and all that follows from that one list: schemas, settings, layers. */
import type { Static } from '../core/options.js';
import type { AttemptLayer, CallLayer, EditRequest, LayerLists } from '../core/pipeline.js';
import type { Needs, PolicyContext } from '../core/policy.js';
import { bulkhead } from './bulkhead/index.js';
import { circuitBreaker } from './circuit-breaker/index.js';
import { deadline } from './deadline/index.js';
import { fallback } from './fallback/index.js';
import { idempotency } from './idempotency/index.js';
import { retry } from './retry/index.js';
import { timeout } from './timeout/index.js';

export const policies = [
  fallback, // Outside everything: it judges what the call would come to in the end.
  idempotency, // Inside fallback, which it must not keep: outside all else that may fail, so that it keeps the outcome of the whole call.
  deadline, // Outside all that takes time, so that queueing, back-off and body all run on the caller's time.
  bulkhead, // Outside retry: an exchange keeps its one slot through all its tries.
  retry, // Outside the circuit breaker: every try is recorded, and an open circuit ends the retrying.
  circuitBreaker, // Outside the attempt timeout: a try that takes too long is a failure.
  timeout, // Next to the transport: its clocks are those of one try.
] as const;

type AnyPolicy = (typeof policies)[number];
export type PolicyName = AnyPolicy['name'];

/** An upstream's or a route's effective policies, decoded. */
export type PolicySettings = {
  readonly [P in AnyPolicy as P['name']]: Static<P['schema']>;
};

/** Undefined where a policy is off. */
export type PolicyLayers = {
  readonly [P in AnyPolicy as P['name']]: ReturnType<P['create']>;
};

function byName<Value>(valueOf: (policy: AnyPolicy) => Value): Record<PolicyName, Value> {
  const entries = policies.map((policy) => [policy.name, valueOf(policy)]);
  return Object.fromEntries(entries) as Record<PolicyName, Value>;
}

/** Each policy key's schema. */
export const policySchemas = byName((policy) => policy.schema) as {
  readonly [P in AnyPolicy as P['name']]: P['schema'];
};

/** Keys that a policy reads besides its own. */
const alsoReads: { readonly [Name in PolicyName]?: readonly PolicyName[] } = {
  deadline: ['timeout'],
  fallback: ['retry'],
  retry: ['idempotency'],
};

/** What a route has from its upstream. */
export interface Inherited {
  readonly layers: PolicyLayers;
  /** The option paths that the route itself writes, parents included: `retry`, `retry.budget`, `retry.budget.ratio`. */
  readonly writes: ReadonlySet<string>;
}

type AnyLayer = CallLayer | AttemptLayer;

/** What the policies' `create` have in common; each of them gets back only layers of its own making. */
type Create = (
  settings: PolicySettings,
  context: PolicyContext,
  previous?: AnyLayer,
) => AnyLayer | undefined;

/**
 * An upstream's layers, or a route's. A route shares the layers, and so the state, of its upstream, except for the
 * policies it writes: a route with a circuit breaker or bulkhead of its own fails, queues and is refused by itself.
 * @param previous the layers of that name before a reload, with nothing in them that was only shared.
 */
export function createLayers(
  settings: PolicySettings,
  context: PolicyContext,
  inherited?: Inherited,
  previous?: PolicyLayers,
): PolicyLayers {
  return byName((policy): AnyLayer | undefined => {
    const create = policy.create as Create;
    if (inherited === undefined) return create(settings, context, previous?.[policy.name]);
    const { layers, writes } = inherited;
    const reads = [policy.name, ...(alsoReads[policy.name] ?? [])];
    if (!reads.some((key) => writes.has(key))) return layers[policy.name];
    // Whoever retries differently still spends from the same budget: it protects the upstream, not the route.
    const hasOwnState = policy !== retry || writes.has('retry.budget');
    return create(settings, context, hasOwnState ? previous?.[policy.name] : layers.retry);
  }) as PolicyLayers;
}

/** The layers that are on, in the order of `policies`: what `compose` takes. */
export function listLayers(layers: PolicyLayers): LayerLists {
  const of = (level: AnyPolicy['level']) =>
    policies.flatMap((policy): AnyLayer[] => {
      const layer = policy.level === level ? layers[policy.name] : undefined;
      return layer === undefined ? [] : [layer];
    });
  return { call: of('call') as CallLayer[], attempt: of('attempt') as AttemptLayer[] };
}

/** What writes on the request of each attempt, outermost first. */
export function listRequestFields(layers: PolicyLayers): EditRequest[] {
  return policies.flatMap((policy) => layers[policy.name]?.requestFields ?? []);
}

/** What all policies together need of the rest of an exchange; a bound that is not there is `off`. */
export function needsOf(settings: PolicySettings): Required<Needs> {
  const needs = policies.map((policy): Needs => {
    const find = 'needs' in policy ? (policy.needs as (all: PolicySettings) => Needs) : undefined;
    return find?.(settings) ?? {};
  });
  const find = <Key extends keyof Needs>(key: Key) =>
    needs.find((each) => each[key] !== undefined)?.[key];
  return {
    replayBytes: Math.max(0, ...needs.map(({ replayBytes = 0 }) => replayBytes)),
    connectMs: find('connectMs') ?? 'off',
    tunnelIdleMs: find('tunnelIdleMs') ?? 'off',
    upstreams: [...new Set(needs.flatMap(({ upstreams = [] }) => upstreams))],
  };
}
