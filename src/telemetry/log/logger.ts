/** The logger: JSON lines to standard output, and the lines about the process itself. */
import { pino, type Logger as PinoLogger } from 'pino';
import type { LogLine } from '../../core/instruments.js';

export type Logger = PinoLogger;

export interface LoggerOptions {
  readonly level: string;
  /** Default: standard output. */
  readonly destination?: { write(line: string): void };
}

/** Most characters to keep while the reader is stopped. Further lines are dropped, so that memory stays bounded. */
const MAX_PENDING = 16 * 1024 * 1024;

export function createLogger({ level, destination }: LoggerOptions): Logger {
  return pino(
    {
      level,
      // The collector of a container's lines adds where they come from.
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    // Asynchronous: a slow reader of standard output must not stop the proxy. pino flushes it at the exit.
    destination ?? pino.destination({ dest: 1, sync: false, maxLength: MAX_PENDING }),
  );
}

export function writeLine(logger: Logger, { level, fields, message }: LogLine): void {
  logger[level](fields, message);
}

/** One line each time a store fails or works again, and not one per call. */
export function logStore(logger: Logger, kind: string, why: string | undefined): void {
  if (why === undefined) logger.info({ store: kind }, `the ${kind} store can be used`);
  else logger.warn({ store: kind, error: why }, `Cannot use the ${kind} store because ${why}`);
}
