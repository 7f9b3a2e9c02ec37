/** `breakwater run`: the proxy itself, from the configuration file to the last drained exchange. */
import { App } from '../app/app.js';
import { ListenError } from '../app/addresses.js';
import { formatAddress } from '../config/config.js';
import { formatDiagnostics } from '../config/syntax/diagnostics.js';
import { loadConfig } from '../config/load.js';
import { watchFile } from '../config/watch.js';
import { TlsWatcher } from '../config/watch-tls.js';
import { createSystemClock } from '../platform/system-clock.js';
import { policies } from '../policies/index.js';
import { createLogger, type Logger } from '../telemetry/log/logger.js';
import { version } from '../version.js';
import { isQuickToLint, tellWarnings, tellWarningsLater } from './warnings.js';

export interface RunOptions {
  readonly config: string;
}

/** sysexits.h: configuration error. */
const EX_CONFIG = 78;

/** @returns the exit code, once the proxy has drained. */
export async function run(options: RunOptions): Promise<number> {
  const load = () => loadConfig(options.config, process.env, policies);
  const { config, diagnostics } = load();
  if (config === undefined) {
    process.stderr.write(formatDiagnostics(diagnostics));
    return EX_CONFIG;
  }
  const isQuick = isQuickToLint(config);
  if (isQuick) tellWarnings(options.config);

  const logger = createLogger({ level: config.log.level });
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'Cannot go on because of an unexpected error');
    process.exit(1);
  });
  // Before the start: as process 1 of a container, a signal without a listener would be lost.
  const stopped = signalled(logger);
  const clock = createSystemClock();
  let app: App;
  const tlsWatcher = new TlsWatcher(clock, () => {
    logger.info('TLS files have changed');
    void app.reload();
  });
  try {
    app = await App.start(config, {
      clock,
      random: Math.random,
      policies,
      logger,
      version,
      load,
      onApplied: ({ tlsFiles }) => tlsWatcher.follow(tlsFiles),
    });
  } catch (error) {
    if (!(error instanceof ListenError)) throw error;
    process.stderr.write(`breakwater: error: ${error.message}\n`);
    return 1;
  }
  const watcher = watchFile(options.config, clock, () => void app.reload());
  process.on('SIGHUP', () => void app.reload());
  // Last: a program that reads "ready" may send a signal, which would end the process without a listener.
  announce(app);
  if (!isQuick) tellWarningsLater(options.config);
  await stopped;
  watcher.close();
  tlsWatcher.close();
  await app.stop();
  logger.info('stopped');
  return 0;
}

/** Plain lines for every `log.level`: the program that starts the proxy waits for them. */
function announce(app: App): void {
  const lines = app.listeners.map(
    ({ name, address }) => `breakwater: ${name} listens on ${formatAddress(address)}\n`,
  );
  process.stdout.write(`${lines.join('')}breakwater: ready\n`);
}

/** Resolves at the first signal to stop; a second one ends the process at once. */
function signalled(logger: Logger): Promise<void> {
  return new Promise((resolve) => {
    let isStopping = false;
    const stop = (signal: NodeJS.Signals) => {
      if (isStopping) process.exit(1);
      isStopping = true;
      logger.info({ signal }, 'draining');
      resolve();
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
  });
}
