/** What a client of a gRPC call is told by Breakwater itself: before a response, and in place of the rest of one. */
import type { Call } from '../core/call.js';
import { CallError, DEFAULT_RETRY_AFTER_MS, type CallFailure } from '../core/errors.js';
import type { Off } from '../core/options.js';
import { combinedValue, firstValue, type Fields } from '../http/fields.js';
import { GrpcFraming } from '../http/grpc-framing.js';
import {
  encodeGrpcMessage,
  findGrpcCode,
  grpcNumber,
  isGrpcType,
  parseGrpcTimeout,
  type GrpcCode,
} from '../http/grpc.js';
import type { OwnResponse, Refused } from './problem.js';
import type { RequestHead } from './stream.js';

/**
 * A POST with a content type of gRPC. Over HTTP/1.1 it is an ordinary request: no gRPC client speaks it, so what sends it
 * understands HTTP.
 */
export const isGrpcRequest = ({ protocolVersion, method, fields }: RequestHead): boolean =>
  protocolVersion === '2.0' && method === 'POST' && isGrpcType(firstValue(fields, 'content-type'));

/** What our own responses mean in gRPC, by their HTTP status. */
const codesByStatus: Readonly<Record<number, GrpcCode>> = {
  400: 'INVALID_ARGUMENT',
  404: 'UNIMPLEMENTED',
  409: 'ABORTED',
  413: 'RESOURCE_EXHAUSTED',
  422: 'INVALID_ARGUMENT',
  429: 'RESOURCE_EXHAUSTED',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

const codeOf = ({ grpcCode, status }: CallError): GrpcCode =>
  grpcCode ?? codesByStatus[status] ?? 'UNKNOWN';

/** Characters: clients drop heads over 8 KiB, and some count more than the fields. */
const MAX_MESSAGE = 2048;
const MAX_REQUEST_ID = 512;

/** When the caller gives up; Infinity where it has not said. */
function callerDeadlineMs({ deadline, headers, startedAtMs }: Call): number {
  const timeout = combinedValue(headers, 'grpc-timeout');
  const timeoutMs = (timeout === undefined ? undefined : parseGrpcTimeout(timeout)) ?? Infinity;
  return Math.min(deadline?.callerAtMs ?? Infinity, startedAtMs + timeoutMs);
}

/** How clients that retry are told when to. */
function pushbackOf(error: CallError, leftMs: number, maxRetryAfterMs: number | Off): string[] {
  if (error.status !== 503 || maxRetryAfterMs === 'off') return [];
  const waitMs = Math.min(error.retryAfterMs ?? DEFAULT_RETRY_AFTER_MS, maxRetryAfterMs);
  const wholeMs = Math.max(1, Math.ceil(waitMs));
  // Clients would wait for a longer one until their deadline, instead of failing now.
  return ['grpc-retry-pushback-ms', wholeMs < leftMs ? String(wholeMs) : '-1'];
}

/** Follows the response of one call. */
export class GrpcRefusals {
  readonly #framing = new GrpcFraming();
  /** The status of the call, as soon as it is known. */
  code: GrpcCode | undefined;

  /** These bytes of the response leave. */
  follow(chunk: Buffer): void {
    this.#framing.follow(chunk);
  }

  /** The response is complete. @param headers of its head. */
  end(headers: Fields, trailers: Fields): void {
    this.code = findGrpcCode(trailers) ?? findGrpcCode(headers) ?? 'UNKNOWN';
  }

  /** The client left before the end. */
  leave(): void {
    this.code = 'CANCELLED';
  }

  /** A head and nothing else (trailers-only): all clients understand it, and may try again. */
  refuse(error: CallError, { call, scope, requestId, nowMs }: Refused): OwnResponse {
    const leftMs = callerDeadlineMs(call) - nowMs;
    const headers = [
      'content-type',
      'application/grpc',
      ...this.#statusOf(error),
      'x-breakwater-reason',
      error.reason,
      ...pushbackOf(error, leftMs, scope.ownRetryAfterMs),
    ];
    if (requestId.length <= MAX_REQUEST_ID) headers.push('x-request-id', requestId);
    if (call.attempts > 1) headers.push('x-breakwater-attempts', String(call.attempts));
    return { status: 200, headers, body: undefined };
  }

  /**
   * The response cannot go on.
   * @returns the trailers to end it with; undefined inside a message, where clients take them for a broken encoding.
   */
  breakOff(error: CallFailure): Fields | undefined {
    if (!(error instanceof CallError) || !this.#framing.isBetween) {
      this.code = error instanceof CallError ? 'INTERNAL' : 'CANCELLED';
      return undefined;
    }
    return [...this.#statusOf(error), 'x-breakwater-reason', error.reason];
  }

  #statusOf(error: CallError): string[] {
    this.code = codeOf(error);
    const message = encodeGrpcMessage(error.message, MAX_MESSAGE);
    return ['grpc-status', String(grpcNumber(this.code)), 'grpc-message', message];
  }
}
