/** Every decision that someone outside may want to see; telemetry listens, nothing listens to telemetry. */
import type { Substitution } from './call.js';
import type { CallFailure, Reason } from './errors.js';
import type { AttemptResult } from './outcome.js';

export type CircuitStateName = 'closed' | 'open' | 'half-open' | 'forced-open' | 'forced-closed';

/** Which rule moved a circuit. */
export type CircuitRule =
  | 'failureThreshold'
  | 'failureRate'
  | 'slowCall'
  | 'recoveryTimeout'
  | 'successThreshold'
  | 'probeFailure'
  | 'forced';

export type RetryCause = 'unsent' | 'stale' | 'reset' | 'timeout' | 'status';
export type RetryDenial = 'budget' | 'deadline' | 'body' | 'method' | 'circuit' | 'retry-after';

/** `error`: the store could not be asked or told, so the call went on without it, or was refused (`failClosed`). */
export type IdempotencyResult = 'stored' | 'replayed' | 'conflict' | 'mismatch' | 'error';
/** Without the name: there may be many. */
export type FallbackKind = 'cache' | 'upstream' | 'static';

/** What one exchange came to, for the access log and the request metrics. */
export interface ExchangeSummary {
  readonly method: string;
  /** Without the query: queries carry secrets. */
  readonly path: string;
  /** Status sent, or 499 for a client that left before it. */
  readonly status: number;
  /** Empty unless the end was ours, or would have been without a fallback. */
  readonly reason: Reason | '';
  readonly durationMs: number;
  readonly waitedMs: number;
  /** Time spent in tries. */
  readonly upstreamMs: number;
  /** Left until the deadline; undefined without one, negative after it. */
  readonly deadlineLeftMs: number | undefined;
  /** At the upstream itself; with a fallback to another, that one's are its own. */
  readonly attempts: number;
  /** What became of each try that is over, in order. */
  readonly results: readonly AttemptResult[];
  readonly requestId: string;
  /** Trace id of the caller's `traceparent` (W3C Trace Context), if any. */
  readonly traceId: string | undefined;
  /** Who answered in the upstream's place, and why; undefined where nobody did. */
  readonly substitution: Substitution | undefined;
  /** What ended it, where it was not a plain answer. */
  readonly error: CallFailure | undefined;
}

export type Event =
  | { readonly type: 'exchange-finished'; readonly summary: ExchangeSummary }
  | {
      readonly type: 'attempt-finished';
      readonly result: AttemptResult;
      readonly error: CallFailure | undefined;
    }
  | { readonly type: 'retry-started'; readonly cause: RetryCause; readonly delayMs: number }
  | { readonly type: 'retry-denied'; readonly cause: RetryDenial }
  | { readonly type: 'fallback-used'; readonly source: FallbackKind }
  | { readonly type: 'bulkhead-admitted'; readonly waitedMs: number }
  | { readonly type: 'idempotency-decided'; readonly result: IdempotencyResult }
  | {
      readonly type: 'circuit-moved';
      readonly from: CircuitStateName;
      readonly to: CircuitStateName;
      readonly rule: CircuitRule;
      /** What was seen, in the rule's own measure: failures in a row, a share 0..1, ms, successes. */
      readonly observed: number;
      /** The rule's limit, in the same measure. */
      readonly threshold: number;
    };

/** Bound to one upstream and route by whoever made it. */
export type Emit = (event: Event) => void;
