/** The log: JSON lines for circuits that move, tries that fail and exchanges that end. */
import { pino, type Logger as PinoLogger } from 'pino';
import type { Clock } from '../../core/clock.js';
import type { CircuitStateName, Emit, Event, ExchangeSummary } from '../../core/events.js';
import { describePassed, type OverloadChange } from '../../policies/overload/index.js';
import { formatPercent } from '../../lib/percent.js';

export type Logger = PinoLogger;

export interface LoggerOptions {
  readonly level: string;
  /** Default: standard output. */
  readonly destination?: { write(line: string): void };
}

/** Which exchanges get a line: all, those that went wrong, or none. */
export type AccessLog = 'all' | 'errors' | 'off';

/** Characters that wait for a reader that has stopped; lines beyond are dropped, or memory would run out. */
const MAX_PENDING = 16 * 1024 * 1024;

export function createLogger({ level, destination }: LoggerOptions): Logger {
  return pino(
    {
      level,
      // Whoever collects the lines of a container adds where they come from.
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    // Asynchronous: a slow reader of standard output must not stop the proxy. pino flushes it at the exit.
    destination ?? pino.destination({ dest: 1, sync: false, maxLength: MAX_PENDING }),
  );
}

/** Lines per second for calls that were refused without a try, of one upstream or route. */
const REFUSAL_LINES = 100;

/**
 * An open circuit refuses as many calls as come, and would write as many lines, each dearer than the refusal and all alike:
 * beyond so many per second they are only counted, and the next line tells how many were left out.
 */
class RefusalLines {
  readonly #clock: Clock;
  #second = 0;
  #written = 0;
  #leftOut = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns how many lines were left out before this one, or undefined where it is left out itself. */
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

/** The listener that logs the events of one upstream and route. */
export function logScope(
  logger: Logger,
  upstream: string,
  route: string,
  access: AccessLog,
  clock: Clock,
): Emit {
  const refusalLines = new RefusalLines(clock);

  function logExchange(summary: ExchangeSummary): void {
    if (access === 'off' || (access === 'errors' && !wentWrong(summary))) return;
    let leftOut: number | undefined = 0;
    if (access === 'errors' && isRefusal(summary)) leftOut = refusalLines.admit();
    if (leftOut !== undefined) logAccess(logger, upstream, route, summary, leftOut);
  }

  return (event) => {
    switch (event.type) {
      case 'circuit-moved':
        logMove(logger, upstream, route, event);
        return;
      case 'attempt-finished':
        if (event.result === 'success' || event.result === 'cancelled') return;
        logger.debug(
          { upstream, route, outcome: event.result, error: event.error?.message },
          'attempt failed',
        );
        return;
      case 'exchange-finished':
        logExchange(event.summary);
        return;
      // Metrics count these; a line for each would only repeat the access log.
      case 'retry-started':
      case 'retry-denied':
      case 'fallback-used':
      case 'bulkhead-admitted':
      case 'idempotency-decided':
    }
  };
}

/** A store that was lost, or came back: one line per change, however many calls meet it. */
export function logStore(logger: Logger, kind: string, why: string | undefined): void {
  if (why === undefined) logger.info({ store: kind }, `the ${kind} store can be used`);
  else logger.warn({ store: kind, error: why }, `Cannot use the ${kind} store because ${why}`);
}

/** One line when calls begin to be shed, and one when that ends. */
export function logOverload(logger: Logger): (change: OverloadChange) => void {
  return ({ passed, shed }) => {
    if (passed.length === 0) {
      logger.info({ passed }, 'overload is over because all readings are below their limits');
      return;
    }
    const why = passed.map(describePassed).join(', and ');
    logger.warn(
      { passed, shed },
      `overloaded: ${formatPercent(shed)} of calls are shed because ${why}`,
    );
  };
}

/** One listener that passes each event on to all of `emits`, in their order. */
export function combine(...emits: readonly Emit[]): Emit {
  return (event) => {
    for (const emit of emits) emit(event);
  };
}

function wentWrong({ status, reason, substitution }: ExchangeSummary): boolean {
  return (
    status >= 500 || reason !== '' || substitution !== undefined || status === 499 || status === 408
  );
}

/** Answered by this proxy, and nobody else had to do with it. */
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
      reason,
      attempts,
      outcomes: summary.results,
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

type CircuitMove = Extract<Event, { type: 'circuit-moved' }>;

const moves: Readonly<Record<CircuitStateName, string>> = {
  closed: 'closed',
  open: 'opened',
  'half-open': 'became half-open',
  'forced-open': 'was forced open',
  'forced-closed': 'was forced closed',
};

function logMove(logger: Logger, upstream: string, route: string, move: CircuitMove): void {
  const { from, to, rule, observed, threshold } = move;
  const owner = route === '' ? upstream : `${upstream}/${route}`;
  logger[to === 'open' ? 'warn' : 'info'](
    { upstream, route, from, to, rule, observed, threshold },
    `circuit of ${owner} ${moves[to]} because ${explainMove(move)}`,
  );
}

/** Names the option where there is one, so that its reader knows what to change. */
function explainMove({ rule, observed, threshold, to }: CircuitMove): string {
  switch (rule) {
    case 'failureThreshold':
      return `${observed} failures in a row reached failureThreshold ${threshold}`;
    case 'failureRate':
      return `${formatPercent(observed)} failed tries reached failureRate.threshold ${formatPercent(threshold)}`;
    case 'slowCall':
      return `${formatPercent(observed)} slow tries reached slowCall.threshold ${formatPercent(threshold)}`;
    case 'recoveryTimeout':
      return `its recoveryTimeout of ${Math.round(threshold)} ms was over`;
    case 'successThreshold':
      return `${observed} good probes reached successThreshold ${threshold}`;
    case 'probeFailure':
      return 'a probe failed';
    case 'forced':
      return to === 'closed' ? 'its override ended' : 'an operator said so';
  }
}
