/** What admin endpoints and metrics read of the running proxy; `app.ts` provides it, so that siblings need not meet. */
import type { CircuitStateName } from './events.js';

/** The rate is null below `minimumCalls`; `retryAfterMs` is 0 unless the circuit refuses. */
export interface CircuitSnapshot {
  readonly state: CircuitStateName;
  readonly consecutiveFailures: number;
  readonly failureRate: number | null;
  /** When the circuit came into this state, ms since the Unix epoch. */
  readonly sinceWallMs: number;
  readonly retryAfterMs: number;
}

export type ForcedState = 'forced-open' | 'forced-closed' | 'auto';

export interface InspectableCircuit {
  snapshot(): CircuitSnapshot;
  /** Overrides the circuit, for `ttlMs` or until told otherwise; `auto` gives it back to its rules. */
  force(state: ForcedState, ttlMs?: number): void;
}

export interface InspectableBulkhead {
  readonly active: number;
  readonly queued: number;
  readonly limit: number;
}

/** State that belongs to an upstream (route '') or to a route with a bulkhead or circuit of its own. */
export interface InspectableScope {
  readonly upstream: string;
  readonly route: string;
  readonly circuit: InspectableCircuit | undefined;
  readonly bulkhead: InspectableBulkhead | undefined;
}

export interface InspectableUpstream {
  readonly name: string;
  /** As configured, without credentials. */
  readonly target: string;
  /** Retries that the budget still allows; undefined without a budget. */
  readonly retryBudgetRemaining: number | undefined;
  /** Undefined when there is no attempt timeout. */
  readonly attemptTimeoutMs: number | undefined;
  /** Upgraded connections open now. */
  readonly tunnels: number;
  /** The last try that failed. */
  readonly lastError: { readonly message: string; readonly atWallMs: number } | undefined;
}

export interface Inspection {
  isReady(): boolean;
  /** In the order of the file; an upstream's own scope comes before its routes'. */
  scopes(): readonly InspectableScope[];
  upstreams(): readonly InspectableUpstream[];
  /** The effective configuration, secrets redacted, ready for JSON. */
  config(): unknown;
}
