/** The access log: one line per exchange, or per exchange that went wrong. */
import type { Clock, Random } from '../../core/clock.js';
import type { ExchangeSummary } from '../../core/events.js';
import { isGrpcFault } from '../../http/grpc.js';
import type { Logger } from './logger.js';
import { RefusalLines } from './refusal-lines.js';

/** Which exchanges get a line: all, those that went wrong, or none. */
export type AccessLog = 'all' | 'errors' | 'off';

/** How many exchanges get a line. */
export interface AccessSample {
  /** Lines per second and upstream for calls that Breakwater refused; undefined: the usual limit. */
  readonly errors?: number | undefined;
  /** Share of the good calls, 0..1. */
  readonly ok: number;
}

export interface AccessOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
  readonly access: AccessLog;
  readonly sample: AccessSample;
}

/** Where nothing is written: all calls get a line if all are wanted. */
const usualErrors: Readonly<Record<AccessLog, number>> = { all: Infinity, errors: 100, off: 0 };

/** Writes the exchanges of one upstream and route. */
type LogExchange = (summary: ExchangeSummary) => void;

/** @returns the log of each upstream and route. The routes of an upstream share its limit. */
export function createAccessLog(
  options: AccessOptions,
): (upstream: string, route: string) => LogExchange {
  const { logger, clock, random, access, sample } = options;
  if (access === 'off') return () => () => {};
  const { errors = usualErrors[access], ok } = sample;
  const limits = new Map<string, RefusalLines>();
  return (upstream, route) => {
    let limit = limits.get(upstream);
    if (limit === undefined) limits.set(upstream, (limit = new RefusalLines(errors, clock)));
    const refusalLines = limit;
    return (summary) => {
      let leftOut: number | undefined = 0;
      if (isRefusal(summary)) leftOut = refusalLines.admit();
      else if (!wentWrong(summary) && (access === 'errors' || random() >= ok)) {
        if (summary.shadow.length === 0) return;
        // The line that it would have as a refusal.
        leftOut = refusalLines.admit();
      }
      if (leftOut !== undefined) logAccess(logger, upstream, route, summary, leftOut);
    };
  };
}

function wentWrong({ status, grpcCode, reason, substitution, error }: ExchangeSummary): boolean {
  const isOfClient = status === 499 || status === 408 || error !== undefined;
  const isFault = status >= 500 || (grpcCode !== undefined && isGrpcFault(grpcCode));
  return isFault || reason !== '' || substitution !== undefined || isOfClient;
}

/** The response is Breakwater's own, and no upstream and no fallback had a part in it. */
const isRefusal = ({ attempts, reason, substitution }: ExchangeSummary) =>
  attempts === 0 && reason !== '' && substitution === undefined;

/** @param leftOut lines of refused calls before this one. */
function logAccess(
  logger: Logger,
  upstream: string,
  route: string,
  summary: ExchangeSummary,
  leftOut: number,
): void {
  const { method, path, status, reason, attempts, requestId, trace, error, substitution } = summary;
  logger.info(
    {
      upstream,
      route,
      client: summary.client,
      method,
      path,
      status,
      grpcCode: summary.grpcCode,
      upstreamStatus: summary.upstreamStatus,
      reason,
      attempts,
      outcomes: summary.results,
      endpoints: summary.endpoints,
      faults: summary.interventions.length === 0 ? undefined : summary.interventions,
      bytesIn: summary.bytesIn,
      bytesOut: summary.bytesOut,
      waitMs: Math.round(summary.waitedMs),
      upstreamMs: Math.round(summary.upstreamMs),
      durationMs: Math.round(summary.durationMs),
      deadlineLeftMs:
        summary.deadlineLeftMs === undefined ? undefined : Math.round(summary.deadlineLeftMs),
      requestId,
      traceId: trace?.id,
      fallback: substitution?.source,
      shadow: summary.shadow.length === 0 ? undefined : summary.shadow,
      error: error?.message ?? substitution?.cause,
      leftOut: leftOut === 0 ? undefined : leftOut,
    },
    'exchange',
  );
}
