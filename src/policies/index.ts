/** The policies in order, outermost first: the one place that knows them all. */
import { coreReasons, type CoreReason, type DeclaredReason } from '../core/errors.js';
import { schemasOf, type LayersOf, type SettingsOf } from '../core/layers.js';
import type { AnyPolicy, PolicyList } from '../core/policy.js';
import { bulkhead } from './bulkhead/index.js';
import { circuitBreaker } from './circuit-breaker/index.js';
import { deadline } from './deadline/index.js';
import { fallback } from './fallback/index.js';
import { idempotency } from './idempotency/index.js';
import { overload } from './overload/index.js';
import { retry } from './retry/index.js';
import { timeout } from './timeout/index.js';

export const policies = [
  fallback, // Outside everything: it judges what the call would come to in the end.
  idempotency, // Inside fallback, which it must not keep: outside all else that may fail, so that it keeps the outcome of the whole call.
  deadline, // Outside all that takes time, so that queueing, back-off and body all run on the caller's time.
  bulkhead, // Outside retry: a call has at most one slot, and none during back-off, which retry tells by `call.slot`.
  retry, // Outside the circuit breaker: every try is recorded, and an open circuit ends the retrying.
  circuitBreaker, // Outside the attempt timeout: a try that takes too long is a failure.
  timeout, // Next to the transport: its clocks are those of one try.
] as const satisfies PolicyList;

export type PolicyName = (typeof policies)[number]['name'];

/** An upstream's or a route's effective policies, decoded. */
export type PolicySettings = SettingsOf<typeof policies>;

/** Undefined where a policy is off. */
export type PolicyLayers = LayersOf<typeof policies>;

/** Each policy key's schema. */
export const policySchemas = schemasOf(policies);

type ReasonsIn<P> = P extends { readonly reasons: infer Reasons } ? keyof Reasons : never;

/** All reasons that there are, by name. */
export const reasons = {
  ...coreReasons,
  ...overload.reasons,
  ...Object.assign({}, ...policies.map((policy: AnyPolicy) => policy.reasons)),
} as Readonly<
  Record<
    CoreReason | ReasonsIn<typeof overload> | ReasonsIn<(typeof policies)[number]>,
    DeclaredReason
  >
>;
