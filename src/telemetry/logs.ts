/** The log: JSON lines for circuits that move, tries that fail and exchanges that end. */
import { pino, type Logger as PinoLogger } from 'pino';
import type { Emit, Event, ExchangeSummary } from '../core/events.js';

export type Logger = PinoLogger;

export interface LoggerOptions {
  readonly level: string;
  /** Default: standard output. */
  readonly destination?: { write(line: string): void };
}

/** Which exchanges get a line: all, those that went wrong, or none. */
export type AccessLog = 'all' | 'errors' | 'off';

export function createLogger({ level, destination }: LoggerOptions): Logger {
  return pino(
    {
      level,
      // Whoever collects the lines of a container adds where they come from.
      base: undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    // Asynchronous: a slow reader of standard output must not stop the proxy. pino flushes it at the exit.
    destination ?? pino.destination({ dest: 1, sync: false }),
  );
}

/** The listener that logs the events of one upstream and route. */
export function logScope(logger: Logger, upstream: string, route: string, access: AccessLog): Emit {
  return (event) => {
    switch (event.type) {
      case 'circuit-moved':
        logMove(logger, upstream, route, event);
        return;
      case 'attempt-finished':
        if (event.result === 'success') return;
        logger.debug(
          { upstream, route, outcome: event.result, error: event.error?.message },
          'attempt failed',
        );
        return;
      case 'exchange-finished':
        if (access === 'off' || (access === 'errors' && !wentWrong(event.summary))) return;
        logAccess(logger, upstream, route, event.summary);
        return;
      // Metrics count these; a line for each would only repeat the access log.
      case 'retry-started':
      case 'retry-denied':
      case 'bulkhead-admitted':
    }
  };
}

/** One listener that passes each event on to all of `emits`, in their order. */
export function combine(...emits: readonly Emit[]): Emit {
  return (event) => {
    for (const emit of emits) emit(event);
  };
}

function wentWrong({ status, reason }: ExchangeSummary): boolean {
  return status >= 500 || reason !== '' || status === 499 || status === 408;
}

function logAccess(
  logger: Logger,
  upstream: string,
  route: string,
  summary: ExchangeSummary,
): void {
  const { method, path, status, reason, attempts, requestId, traceId, error } = summary;
  logger.info(
    {
      upstream,
      route,
      method,
      path,
      status,
      reason,
      attempts,
      waitMs: Math.round(summary.waitedMs),
      durationMs: Math.round(summary.durationMs),
      requestId,
      traceId,
      error: error?.message,
    },
    'exchange',
  );
}

type CircuitMove = Extract<Event, { type: 'circuit-moved' }>;

function logMove(logger: Logger, upstream: string, route: string, move: CircuitMove): void {
  const { from, to, rule, observed, threshold } = move;
  const owner = route === '' ? upstream : `${upstream}/${route}`;
  logger[to === 'open' ? 'warn' : 'info'](
    { upstream, route, from, to, rule, observed, threshold },
    `circuit of ${owner} moved from ${from} to ${to}: ${explainMove(move)}`,
  );
}

function explainMove({ rule, observed, threshold }: CircuitMove): string {
  switch (rule) {
    case 'failureThreshold':
      return `${observed} failures in a row, threshold ${threshold}`;
    case 'failureRate':
      return `${percent(observed)} of calls failed, threshold ${percent(threshold)}`;
    case 'slowCall':
      return `${percent(observed)} of calls were slow, threshold ${percent(threshold)}`;
    case 'recoveryTimeout':
      return `${Math.round(threshold)} ms of recovery time are over`;
    case 'successThreshold':
      return `${observed} probes succeeded, threshold ${threshold}`;
    case 'probeFailure':
      return 'a probe failed';
    case 'forced':
      return 'by an operator, or because the time of an override is over';
  }
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10}%`;
}
