/** Whether an attempt speaks for or against what it was sent to: for the circuit of an upstream and for each of its endpoints. */
import type { GrpcCode } from '../http/grpc.js';
import type { Outcome } from './outcome.js';

/** @returns whether the upstream failed to do its part; undefined where the attempt says nothing about it. */
export type Judge = (outcome: Outcome, ranMs: number) => boolean | undefined;

export interface JudgeOptions {
  /** Response statuses that count as failures. */
  readonly failureStatuses: readonly number[];
  /** gRPC statuses that count as failures. */
  readonly failureGrpcStatuses: readonly GrpcCode[];
  /** An upstream that uses up a deadline of this length, in ms, has failed. */
  readonly minimumTimeout: number;
}

/** Come back later: neither good nor bad news of the upstream, unless `failureStatuses` lists them. */
const neutralStatuses: ReadonlySet<number> = new Set([408, 425, 429]);

export function createJudge(options: JudgeOptions): Judge {
  const { minimumTimeout } = options;
  const failures = new Set(options.failureStatuses);
  const grpcFailures = new Set(options.failureGrpcStatuses);
  return (outcome, ranMs) => {
    switch (outcome.kind) {
      case 'status':
        if (failures.has(outcome.status)) return true;
        // A 4xx comes from an upstream that works; only these mean that it did not look at the request.
        return neutralStatuses.has(outcome.status) ? undefined : false;
      case 'grpc':
        if (grpcFailures.has(outcome.code)) return true;
        return outcome.code === 'OK' ? false : undefined;
      case 'unsent':
        return outcome.error.ownShortage ? undefined : true;
      case 'reset':
      case 'timeout':
        return true;
      case 'deadline':
        // A hung upstream must count as failed also where callers' deadlines always come before the attempt timeout.
        return ranMs >= minimumTimeout ? true : undefined;
      case 'stale':
      case 'cancelled':
      case 'refused':
        return undefined;
    }
  };
}
