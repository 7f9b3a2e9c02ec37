/** What one exchange came to, for the access log and the metrics. */
import type { Call } from '../core/call.js';
import { CallError, ClientGoneError, type CallFailure } from '../core/errors.js';
import type { ExchangeSummary } from '../core/events.js';
import type { GrpcCode } from '../http/grpc.js';

/** What a call does not know of its exchange. */
export interface ClientSide {
  readonly requestId: string;
  readonly client: string | undefined;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Of a gRPC call. */
  readonly grpcCode: GrpcCode | undefined;
}

/** @param status the one that was sent. @param error what ended it, where it was not a plain response. */
export function summarize(
  call: Call,
  { requestId, client, bytesIn, bytesOut, grpcCode }: ClientSide,
  status: number,
  error: CallFailure | undefined,
  nowMs: number,
): ExchangeSummary {
  const { path, substitution } = call;
  const query = path.indexOf('?');
  return {
    method: call.method,
    path: query === -1 ? path : path.slice(0, query),
    status: error instanceof ClientGoneError ? error.status : status,
    grpcCode,
    reason: error instanceof CallError ? error.reason : (substitution?.reason ?? ''),
    durationMs: nowMs - call.startedAtMs,
    waitedMs: call.waitedMs,
    upstreamMs: call.upstreamMs,
    deadlineLeftMs: call.deadline && call.deadline.atMs - nowMs,
    attempts: call.attempts,
    results: call.results,
    endpoints: call.triedEndpoints,
    interventions: call.interventions,
    upstreamStatus: call.upstreamStatus,
    client,
    bytesIn,
    bytesOut,
    requestId,
    trace: call.trace,
    substitution,
    shadow: call.shadow,
    error,
  };
}
