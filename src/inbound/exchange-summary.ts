/** What one exchange came to, for the access log and the metrics. */
import type { Call } from '../core/call.js';
import { CallError, ClientGoneError, type CallFailure } from '../core/errors.js';
import type { ExchangeSummary } from '../core/events.js';
import { firstValue } from '../http/fields.js';
import type { GrpcCode } from '../http/grpc.js';

/**
 * @param status the one that was sent. @param error what ended it, where it was not a plain response.
 * @param grpcCode of a gRPC call.
 */
export function summarize(
  call: Call,
  requestId: string,
  status: number,
  error: CallFailure | undefined,
  nowMs: number,
  grpcCode: GrpcCode | undefined,
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
    requestId,
    substitution,
    // Version, trace id, ...: `00-0af7651916cd43dd8448eb211c80319c-...` (W3C Trace Context).
    traceId: firstValue(call.headers, 'traceparent')?.slice(3, 35),
    error,
  };
}
