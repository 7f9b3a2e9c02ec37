/** The list of all policies, outermost first. */
import { coreReasons, type CoreReason, type DeclaredReason } from '../core/errors.js';
import { schemasOf, type LayersOf, type SettingsOf } from '../core/layers.js';
import type { AnyPolicy, PolicyList } from '../core/policy.js';
import { bulkhead } from './bulkhead/index.js';
import { circuitBreaker } from './circuit-breaker/index.js';
import { deadline } from './deadline/index.js';
import { fallback } from './fallback/index.js';
import { fault } from './fault/index.js';
import { hedge } from './hedge/index.js';
import { idempotency } from './idempotency/index.js';
import { overload } from './overload/index.js';
import { rateLimit } from './rate-limit/index.js';
import { retry } from './retry/index.js';
import { timeout } from './timeout/index.js';

export const policies = [
  fallback, // Outside all others: it sees how the call would end.
  idempotency, // Inside fallback, because a substitute must not be kept. Outside all others, so that it keeps the outcome of the whole call.
  rateLimit, // Inside idempotency, so that a replay costs nothing. Outside all others: a call that is refused waits for nothing.
  deadline, // Outside all that takes time, so that it limits queueing, back-off and body.
  bulkhead, // Outside retry: a call has at most one slot, and none during back-off, which retry tells by `call.slot`.
  retry, // Outside the circuit breaker: every attempt is recorded, and an open circuit ends the retries.
  hedge, // Inside retry, which sees one result and judges it. Outside the circuit breaker, so that it asks the circuit before each extra attempt, and each counts there.
  circuitBreaker, // Outside the attempt timeout: an attempt that takes too long is a failure.
  timeout, // Outside all that an attempt does: it limits the time of one attempt.
  fault, // Next to the transport: all others see what it does as the upstream's doing.
] as const satisfies PolicyList;

export type PolicyName = (typeof policies)[number]['name'];

/** An upstream's or a route's effective policies, decoded. */
export type PolicySettings = SettingsOf<typeof policies>;

/** Undefined where a policy is off. */
export type PolicyLayers = LayersOf<typeof policies>;

/** Each policy key's schema. */
export const policySchemas = schemasOf(policies);

type ReasonsIn<P> = P extends { readonly reasons: infer Reasons } ? keyof Reasons : never;

/** All reasons by name. */
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
