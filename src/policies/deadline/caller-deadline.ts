/** The deadline that a caller has set: by the header of the policy, or by that of gRPC. */
import type { Call } from '../../core/call.js';
import { CallError } from '../../core/errors.js';
import { DEADLINE_FORMS, parseDeadline } from '../../http/deadline.js';
import { combinedValue, firstValue } from '../../http/fields.js';
import { GRPC_TIMEOUT_FORM, parseGrpcTimeout } from '../../http/grpc.js';
import { reasons } from './reasons.js';

/** Undefined without the field. An empty field is not a deadline, and is refused. */
function readHeader({ headers }: Call, lowerName: string): string | undefined {
  const first = firstValue(headers, lowerName);
  return first && (combinedValue(headers, lowerName) ?? first);
}

function refuse(what: string, written: string, upstream: string, forms: string): CallError {
  return new CallError(
    reasons['invalid-deadline'],
    `Cannot read the ${what} ${JSON.stringify(written)} of a call to ${upstream} because it is not ${forms}`,
  );
}

/**
 * @param header name of the policy's header, in lower case. @param offsetMs from monotonic to wall time.
 * @param upstream for messages.
 * @returns monotonic ms, Infinity without one. @throws CallError where it cannot be read.
 */
export function readCallerDeadline(
  call: Call,
  header: string,
  offsetMs: number,
  upstream: string,
): number {
  let atMs = Infinity;
  const written = readHeader(call, header);
  if (written !== undefined) {
    const wallMs = parseDeadline(written);
    if (wallMs === undefined)
      throw refuse('deadline', written, upstream, `one of: ${DEADLINE_FORMS}`);
    atMs = wallMs - offsetMs;
  }
  const timeout = call.isGrpc ? readHeader(call, 'grpc-timeout') : undefined;
  if (timeout === undefined) return atMs;
  const timeoutMs = parseGrpcTimeout(timeout);
  if (timeoutMs === undefined) throw refuse('grpc-timeout', timeout, upstream, GRPC_TIMEOUT_FORM);
  return Math.min(atMs, call.startedAtMs + timeoutMs);
}
