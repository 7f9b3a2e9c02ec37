/** Writes log lines for exchanges that end, attempts that fail, and events that declare a line. */
import type { AttemptFinished, ExchangeFinished } from '../../core/events.js';
import type { LoggedEvent } from '../../core/instruments.js';
import type { PolicyList } from '../../core/policy.js';
import { endpointLog } from '../../upstream/instruments.js';
import type { Sink } from '../bus.js';
import { createAccessLog, type AccessOptions } from './access.js';
import { writeLine } from './logger.js';

export interface LogSinkOptions extends AccessOptions {
  readonly policies: PolicyList;
}

const failedAttempt: LoggedEvent<AttemptFinished> = {
  event: 'attempt-finished',
  when: ({ result }) => result !== 'success' && result !== 'cancelled',
  line: ({ result, error }, upstream, route) => ({
    level: 'debug',
    fields: { upstream, route, outcome: result, error: error?.message },
    message: 'attempt failed',
  }),
};

export function createLogSink({ policies, ...options }: LogSinkOptions): Sink {
  const { logger } = options;
  const logOf = createAccessLog(options);
  const logged = [failedAttempt, ...endpointLog, ...policies.flatMap(({ log = [] }) => log)];
  /** Metrics count the others; a line for each would only repeat the access log. */
  const lines = new Map<string, LoggedEvent>(logged.map((each) => [each.event, each]));
  return {
    scope(upstream, route) {
      const logExchange = logOf(upstream, route);
      return (event) => {
        if (event.type === 'exchange-finished') {
          logExchange((event as ExchangeFinished).summary);
          return;
        }
        const found = lines.get(event.type);
        if (found === undefined || found.when?.(event) === false) return;
        writeLine(logger, found.line(event, upstream, route));
      };
    },
  };
}
