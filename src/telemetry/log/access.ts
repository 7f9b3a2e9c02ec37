/** The access log: one line per exchange, or per exchange that went wrong. */
import type { Clock } from '../../core/clock.js';
import type { ExchangeSummary } from '../../core/events.js';
import { isGrpcFault } from '../../http/grpc.js';
import type { Logger } from './logger.js';

/** Which exchanges get a line: all, those that went wrong, or none. */
export type AccessLog = 'all' | 'errors' | 'off';

/** Lines per second for calls that were refused without an attempt, of one upstream or route. */
const REFUSAL_LINES = 100;

/**
 * An open circuit may refuse many calls per second. A line for each would cost more than the refusal, and all lines would
 * be alike. Beyond the limit, lines are only counted, and the next line has the number of those left out.
 */
class RefusalLines {
  readonly #clock: Clock;
  #second = 0;
  #written = 0;
  #leftOut = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns how many lines were left out before this one, or undefined if this line is left out. */
  admit(): number | undefined {
    const second = Math.floor(this.#clock.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#written = 0;
    }
    if (this.#written >= REFUSAL_LINES) {
      this.#leftOut += 1;
      return undefined;
    }
    this.#written += 1;
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    return leftOut;
  }
}

/** Writes the exchanges of one upstream and route. */
export function logExchanges(
  logger: Logger,
  upstream: string,
  route: string,
  access: AccessLog,
  clock: Clock,
): (summary: ExchangeSummary) => void {
  const refusalLines = new RefusalLines(clock);
  return (summary) => {
    if (access === 'off' || (access === 'errors' && !wentWrong(summary))) return;
    let leftOut: number | undefined = 0;
    if (access === 'errors' && isRefusal(summary)) leftOut = refusalLines.admit();
    if (leftOut !== undefined) logAccess(logger, upstream, route, summary, leftOut);
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
  const { method, path, status, reason, attempts, requestId, traceId, error, substitution } =
    summary;
  logger.info(
    {
      upstream,
      route,
      method,
      path,
      status,
      grpcCode: summary.grpcCode,
      reason,
      attempts,
      outcomes: summary.results,
      endpoints: summary.endpoints,
      waitMs: Math.round(summary.waitedMs),
      upstreamMs: Math.round(summary.upstreamMs),
      durationMs: Math.round(summary.durationMs),
      deadlineLeftMs:
        summary.deadlineLeftMs === undefined ? undefined : Math.round(summary.deadlineLeftMs),
      requestId,
      traceId,
      fallback: substitution?.source,
      error: error?.message ?? substitution?.cause,
      leftOut: leftOut === 0 ? undefined : leftOut,
    },
    'exchange',
  );
}
