/** The spans of a call whose trace is recorded: what the parts that run a call tell the recorder. */
import type { FieldEdits } from '../http/field-edits.js';
import type { Fields } from '../http/fields.js';
import type { GrpcCode } from '../http/grpc.js';
import type { CallerTrace, Trace } from '../http/traceparent.js';
import type { CallFailure, Reason } from './errors.js';
import type { Outcome } from './outcome.js';

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** How a call ended. */
export interface CallEnd {
  /** Status sent, or 499 for a client that left before it. */
  readonly status: number;
  /** Of a gRPC call: as its client sees it. */
  readonly grpcCode: GrpcCode | undefined;
  /** Empty unless Breakwater ended the call, or would have without a fallback. */
  readonly reason: Reason;
  /** From the head of the request on. */
  readonly durationMs: number;
  readonly attempts: number;
  readonly requestId: string;
  /** Which source responded instead of the upstream; undefined if the upstream responded. */
  readonly substitution: { readonly source: string } | undefined;
  /** Reasons for which policies in shadow would have refused it. */
  readonly shadow: readonly Reason[];
  /** What ended it, if it did not end with a response. */
  readonly error: CallFailure | undefined;
}

/** The span of one call. It exists only where the trace is recorded, so all of this is off the path of other calls. */
export interface CallSpan {
  readonly trace: Trace;
  /** Something happened to the call now. @param name begins with `breakwater.` */
  addEvent(name: string, attributes: SpanAttributes): void;
  /** An inner stage refuses the call, so that it never began or does not go on. */
  noteRefusal(error: CallFailure): void;
  beginAttempt(start: AttemptStart): AttemptSpan;
  /** Once only. */
  end(end: CallEnd): void;
}

export interface AttemptStart {
  readonly upstream: string;
  /** Path and query of the call. */
  readonly path: string;
  /** It runs beside an earlier attempt. */
  readonly isBeside: boolean;
  /** Monotonic ms. */
  readonly startedAtMs: number;
}

/** Where an attempt's request goes. */
export interface AttemptTarget {
  /** The target as configured. */
  readonly target: string;
  /** Of the endpoint, as `Destination` has it. */
  readonly address: string;
  /** The Host that is sent. */
  readonly authority: string;
  /** Path and query as they go over the wire. */
  readonly path: string;
}

export interface AttemptEnd {
  /** Of its response; 0 without one. */
  readonly status: number;
  readonly outcome: Outcome;
  readonly error: CallFailure | undefined;
  /** The version of HTTP that the connection spoke; undefined where there was none. */
  readonly protocol: string | undefined;
  /** Monotonic ms. */
  readonly atMs: number;
}

/** The span of one attempt. */
export interface AttemptSpan {
  /** Writes on the attempt's request which span it belongs to (W3C Trace Context). */
  propagate(edits: FieldEdits): void;
  sendTo(target: AttemptTarget): void;
  /** The last byte of the response has come, or none will. Once only. */
  end(end: AttemptEnd): void;
}

/** A call as its client sent it. */
export interface TracedRequest {
  /** The caller's, if any. */
  readonly trace: CallerTrace | undefined;
  readonly method: string;
  /** Path and query as the client sent them. */
  readonly path: string;
  readonly fields: Fields;
  readonly host: string | undefined;
  readonly peerAddress: string | undefined;
  readonly isSecure: boolean;
  /** `1.0`, `1.1` or `2.0`. */
  readonly protocolVersion: string;
  readonly isGrpc: boolean;
  readonly upstream: string;
  /** Its name; empty for the upstream's own pipeline. */
  readonly route: string;
  /** The path of the route as the configuration has it; undefined without one. */
  readonly pattern: string | undefined;
  /** Monotonic ms. */
  readonly startedAtMs: number;
}

/** Decides which calls are recorded, and begins their spans. */
export interface Tracer {
  isSampled(trace: Trace | undefined): boolean;
  /** Only for a call for which `isSampled` was true. */
  begin(request: TracedRequest): CallSpan;
}
