/** Events: telemetry listens to them, and emits none. */
import type { GrpcCode } from '../http/grpc.js';
import type { Call, Substitution } from './call.js';
import type { CallFailure, Reason } from './errors.js';
import type { AttemptResult } from './outcome.js';
import type { Trace } from '../http/traceparent.js';

/** The result of one exchange, for the access log and the request metrics. */
export interface ExchangeSummary {
  readonly method: string;
  /** Without the query: queries carry secrets. */
  readonly path: string;
  /** Status sent, or 499 for a client that left before it. */
  readonly status: number;
  /** Of a gRPC call: as its client sees it. */
  readonly grpcCode: GrpcCode | undefined;
  /** Empty unless Breakwater ended the exchange, or would have without a fallback. */
  readonly reason: Reason;
  readonly durationMs: number;
  readonly waitedMs: number;
  /** Time spent in attempts. */
  readonly upstreamMs: number;
  /** Left until the deadline; undefined without one, negative after it. */
  readonly deadlineLeftMs: number | undefined;
  /** At this upstream; attempts at a fallback upstream do not count. */
  readonly attempts: number;
  /** The result of each attempt that has ended, in order. */
  readonly results: readonly AttemptResult[];
  /** The address that each attempt went to, in order. */
  readonly endpoints: readonly string[];
  /** What policies have put in the way of its attempts, in order; empty for nearly all calls. */
  readonly interventions: readonly string[];
  /** Of the last response that an attempt got; undefined without one. */
  readonly upstreamStatus: number | undefined;
  /** The client's IP address; undefined for a Unix socket. */
  readonly client: string | undefined;
  /** Bytes of the request's body that were read. */
  readonly bytesIn: number;
  /** Bytes of the response's body that were handed to the client's connection. */
  readonly bytesOut: number;
  readonly requestId: string;
  /** The one that the call belongs to, if any. */
  readonly trace: Trace | undefined;
  /** Which source responded instead of the upstream, and why; undefined if the upstream responded. */
  readonly substitution: Substitution | undefined;
  /** Reasons for which policies in shadow would have refused it. */
  readonly shadow: readonly Reason[];
  /** What ended it, if it did not end with a response of the upstream. */
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
  /** The error tells of the upstream, and not of the client or of this process. */
  readonly isUpstreams: boolean;
  /** From the start of the attempt to the headers of its response; without a response, to its end. */
  readonly headersMs: number;
  /** The one that the call belongs to, if any. */
  readonly trace: Trace | undefined;
}

/** What a policy tells; each declares the shapes of its own in its folder. */
export interface PolicyEvent {
  readonly type: string;
}

/** What a policy tells of one call. */
export interface CallEvent extends PolicyEvent {
  /** Undefined where nothing of it is shown in the call's trace. */
  readonly call: Call | undefined;
}

export type Event = ExchangeFinished | AttemptFinished | PolicyEvent;

/** Bound to one upstream and route by the part that made it. */
export type Emit = (event: Event) => void;

/** What a policy emits by, so that it can emit only what it declares. */
export type EmitOf<Own extends PolicyEvent> = (event: Own) => void;

export const isAttemptFinished = (event: Event): event is AttemptFinished =>
  event.type === 'attempt-finished';
