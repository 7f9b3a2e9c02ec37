/** The logger: JSON lines to standard output, and the lines about the process itself. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino, type Logger as PinoLogger } from 'pino';
import type { LogLine } from '../../core/instruments.js';

export type Logger = PinoLogger;

export interface LoggerOptions {
  readonly level: string;
  readonly destination: { write(line: string): void };
}

/** Most characters to keep while the reader is stopped. Further lines are dropped, so that memory stays bounded. */
const MAX_PENDING = 16 * 1024 * 1024;

/** Time that a reader has to take the last lines, in ms. */
const LAST_LINES_MS = 1000;

/** The log on standard output. */
export interface StandardLog {
  readonly logger: Logger;
  /** Lines that were left out because nothing read those before. */
  readonly dropped: () => number;
  /**
   * Gives up the lines that wait, unless the reader takes them at once. Nothing is logged after it.
   * @param lastLine writes one more, for which the reader has a second.
   */
  readonly abandon: (lastLine?: () => void) => void;
  /** Waits until all lines are written, for a second at most. Nothing is logged after it. */
  readonly close: () => Promise<void>;
}

export function openStandardLog(level: string): StandardLog {
  // For a pipe, this makes Node switch to writes that do not block: one that blocks would outlive each exit.
  void process.stdout;
  let givesUpAt = Infinity;
  // Asynchronous: a slow reader of standard output must not stop the proxy.
  const stream = pino.destination({
    dest: 1,
    sync: false,
    maxLength: MAX_PENDING,
    retryEAGAIN: () => performance.now() < givesUpAt,
  } as Parameters<typeof pino.destination>[0] & object);
  let dropped = 0;
  stream.on('drop', () => dropped++);
  const abandon = (lastLine?: () => void): void => {
    givesUpAt = performance.now() + (lastLine === undefined ? 0 : LAST_LINES_MS);
    lastLine?.();
    try {
      stream.flushSync();
    } catch {
      // The reader takes no more: what waits is lost.
    }
    // pino flushes at the exit, and would wait for a reader that has stopped.
    stream.flushSync = () => {};
  };
  return {
    logger: createLogger({ level, destination: stream }),
    dropped: () => dropped,
    abandon,
    async close() {
      // A reader that has left is no reason to fail.
      const written = once(stream, 'drain').catch(() => {});
      stream.write('');
      await Promise.race([written, sleep(LAST_LINES_MS)]);
      abandon();
    },
  };
}

export function createLogger({ level, destination }: LoggerOptions): Logger {
  return pino(
    {
      level,
      // The collector of a container's lines adds where they come from.
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
    },
    destination,
  );
}

/** Without what else an error has: a URL that is not valid is in its error, with the password, and so are options of a client. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error);
  const { type, message, stack } = pino.stdSerializers.err(error);
  const { code, errors } = error as { code?: unknown; errors?: unknown };
  return {
    type,
    message,
    ...(typeof code === 'string' && { code }),
    stack,
    ...(Array.isArray(errors) && { errors: errors.map(describeError) }),
  };
}

export function writeLine(logger: Logger, { level, fields, message }: LogLine): void {
  logger[level](fields, message);
}

/** One line each time a store fails or works again, and not one per call. */
export function logStore(logger: Logger, kind: string, why: string | undefined): void {
  if (why === undefined) logger.info({ store: kind }, `the ${kind} store can be used`);
  else logger.warn({ store: kind, error: why }, `Cannot use the ${kind} store because ${why}`);
}
