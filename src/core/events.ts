/** Every decision that someone outside may want to see; telemetry listens, nothing listens to telemetry. */
import type { Substitution } from './call.js';
import type { CallFailure, Reason } from './errors.js';
import type { AttemptResult } from './outcome.js';

/** What one exchange came to, for the access log and the request metrics. */
export interface ExchangeSummary {
  readonly method: string;
  /** Without the query: queries carry secrets. */
  readonly path: string;
  /** Status sent, or 499 for a client that left before it. */
  readonly status: number;
  /** Empty unless the end was ours, or would have been without a fallback. */
  readonly reason: Reason;
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
  /** Which source responded in the upstream's place, and why; undefined where the response is the upstream's own. */
  readonly substitution: Substitution | undefined;
  /** What ended it, where it was not a plain answer. */
  readonly error: CallFailure | undefined;
}

export interface ExchangeFinished {
  readonly type: 'exchange-finished';
  readonly summary: ExchangeSummary;
}

export interface AttemptFinished {
  readonly type: 'attempt-finished';
  readonly result: AttemptResult;
  readonly error: CallFailure | undefined;
}

/** What a policy tells; each declares the shapes of its own in its folder. */
export interface PolicyEvent {
  readonly type: string;
}

export type Event = ExchangeFinished | AttemptFinished | PolicyEvent;

/** Bound to one upstream and route by the part that made it. */
export type Emit = (event: Event) => void;

/** What a policy emits by, so that it can emit only what it declares. */
export type EmitOf<Own extends PolicyEvent> = (event: Own) => void;

export const isAttemptFinished = (event: Event): event is AttemptFinished =>
  event.type === 'attempt-finished';
