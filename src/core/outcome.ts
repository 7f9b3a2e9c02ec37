/** The outcome of one attempt, decided once for all policies and metrics. */
import type { Fields } from '../http/fields.js';
import { isGrpcFault, type GrpcCode } from '../http/grpc.js';
import { CallError, type CallFailure } from './errors.js';

export type Outcome =
  /** The upstream responded. */
  | { readonly kind: 'status'; readonly status: number }
  /** The upstream responded to a gRPC call; trailers-only: with nothing but this status. */
  | { readonly kind: 'grpc'; readonly code: GrpcCode; readonly isTrailersOnly: boolean }
  /** Not one byte was sent: refused, DNS, TLS, no connection in time. */
  | { readonly kind: 'unsent'; readonly error: CallError }
  /** A reused idle connection was closed under the request: says nothing about the upstream's health. */
  | { readonly kind: 'stale'; readonly error: CallError }
  /** The connection broke, or what came was not HTTP. */
  | { readonly kind: 'reset'; readonly error: CallError }
  /** The attempt's own time (attempt, write, idle) was over. */
  | { readonly kind: 'timeout'; readonly error: CallError }
  /** The call's deadline or total timeout ended the attempt. */
  | { readonly kind: 'deadline'; readonly error: CallError }
  /** The client hung up. */
  | { readonly kind: 'cancelled' }
  /** Breakwater itself refused the attempt; the upstream had no part in it. */
  | { readonly kind: 'refused'; readonly error: CallError };

/** What is there of a response first. */
export interface ResponseStart {
  readonly status: number;
  readonly headers: Fields;
}

/** Says what the responses to one kind of calls mean for their attempts. */
export interface Classifier {
  /** Undefined where only the end of the response says it. */
  atHead(head: ResponseStart): Outcome | undefined;
  /** Where the head did not say it. */
  atEnd(trailers: Fields): Outcome;
  /** The response broke off after its head. */
  atBreak(head: ResponseStart, error: CallFailure): Outcome;
}

/** By the status; there are a few hundred at most, and each attempt asks several times. */
const statusOutcomes = new Map<number, Outcome>();

export function classifyStatus(status: number): Outcome {
  let outcome = statusOutcomes.get(status);
  if (outcome === undefined) {
    outcome = { kind: 'status', status };
    statusOutcomes.set(status, outcome);
  }
  return outcome;
}

export function classifyFailure(error: CallFailure): Outcome {
  if (!(error instanceof CallError)) return { kind: 'cancelled' };
  const { outcome } = error;
  if (outcome === undefined) return { kind: 'refused', error };
  if (outcome === 'deadline') return { kind: outcome, error };
  if (outcome === 'reset' && error.stale) return { kind: 'stale', error };
  return { kind: error.unsent ? 'unsent' : outcome, error };
}

/**
 * The upstream did the work, so its response time is a sample of how long the work takes. A failure (5xx) or a refusal
 * of the request (4xx) may come at once, without the work.
 * @param outcome undefined for a response that has begun and says only at its end how it went.
 */
export function isGoodResponse(outcome: Outcome | undefined): boolean {
  switch (outcome?.kind) {
    case undefined:
      return true;
    case 'status':
      return outcome.status < 400;
    case 'grpc':
      return outcome.code === 'OK';
    default:
      return false;
  }
}

/** What is tried again for a response, and waited longer for. */
export interface BadResponses {
  readonly statuses: ReadonlySet<number>;
  readonly grpcCodes: ReadonlySet<GrpcCode>;
}

/** @param outcome as for `isGoodResponse`. */
export function isBadResponse(outcome: Outcome | undefined, bad: BadResponses): boolean {
  if (outcome?.kind === 'status') return bad.statuses.has(outcome.status);
  // Clients take a response that has begun for the only one.
  return outcome?.kind === 'grpc' && outcome.isTrailersOnly && bad.grpcCodes.has(outcome.code);
}

/** Values of the `outcome` label of attempts_total. */
export const attemptResults = [
  'success',
  'failure',
  'timeout',
  'unsent',
  'reset',
  'cancelled',
] as const;
export type AttemptResult = (typeof attemptResults)[number];

/**
 * `failure` is an upstream's own 5xx response, or a gRPC status that means as much. An attempt that the deadline ended counts as `timeout`; `refused` never
 * reached the transport and has no result.
 */
export function attemptResult(outcome: Outcome): AttemptResult {
  switch (outcome.kind) {
    case 'status':
      return outcome.status >= 500 ? 'failure' : 'success';
    case 'grpc':
      return isGrpcFault(outcome.code) ? 'failure' : 'success';
    case 'deadline':
    case 'timeout':
      return 'timeout';
    case 'stale':
    case 'reset':
      return 'reset';
    case 'unsent':
      return 'unsent';
    case 'cancelled':
    case 'refused':
      return 'cancelled';
  }
}
