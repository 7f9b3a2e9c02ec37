/** `breakwater run`: the proxy itself, from the configuration file to the last drained exchange. */
import { statSync } from 'node:fs';
import { App } from '../app/app.js';
import { ListenError } from '../app/addresses.js';
import { listCautions } from '../app/cautions.js';
import { describeShortage } from '../app/descriptors.js';
import { formatAddress, type Config } from '../config/config.js';
import { explainUpstream } from '../config/explain.js';
import { formatDiagnostics } from '../config/syntax/diagnostics.js';
import { loadConfig } from '../config/load.js';
import type { EffectiveUpstream } from '../config/resolve/lay-policies.js';
import { watchFile, type Watcher } from '../config/watch.js';
import { TlsWatcher } from '../config/watch-tls.js';
import { readDescriptorLimit } from '../platform/descriptor-limit.js';
import { createSystemClock } from '../platform/system-clock.js';
import { letYoungGrow } from '../platform/young-generation.js';
import { policies } from '../policies/index.js';
import { openStandardLog } from '../telemetry/log/logger.js';
import { version } from '../version.js';
import { isQuickToLint, lintInForce, tellWarnings, tellWarningsLater } from './warnings.js';

export interface RunOptions {
  readonly config: string;
}

/** Bytes. Larger files make so much that stays that a small young generation would cost time. */
const LARGE_FILE = 64 * 1024;

/** sysexits.h: configuration error. */
const EX_CONFIG = 78;

/**
 * @param stopped resolves with the signal to stop.
 * @param onLog gets what must be called before an exit at once.
 * @returns the exit code, once the proxy has drained.
 */
export async function run(
  options: RunOptions,
  stopped: Promise<NodeJS.Signals>,
  onLog: (abandon: () => void) => void,
): Promise<number> {
  /** With its origins, as long as it is in force. */
  const effectiveOf = new WeakMap<Config, readonly EffectiveUpstream[]>();
  let watcher: Watcher | undefined;
  const load = () => {
    const loaded = loadConfig(options.config, process.env, policies);
    const { config, effective, includes } = loaded;
    if (includes !== undefined) watcher?.follow(includes);
    if (config !== undefined && effective !== undefined) effectiveOf.set(config, effective);
    return loaded;
  };
  if ((statSync(options.config, { throwIfNoEntry: false })?.size ?? 0) > LARGE_FILE) letYoungGrow();
  const { config, diagnostics, includes } = load();
  if (config === undefined) {
    process.stderr.write(formatDiagnostics(diagnostics));
    return EX_CONFIG;
  }
  const isQuick = isQuickToLint(config);
  if (isQuick) tellWarnings(options.config);

  const shortage = describeShortage(config, policies, readDescriptorLimit());
  if (shortage !== undefined) process.stderr.write(`breakwater: warning: ${shortage}\n`);

  for (const caution of listCautions(config, policies)) {
    process.stderr.write(`breakwater: warning: ${caution}\n`);
  }

  const { logger, dropped, abandon, close } = openStandardLog(config.log.level);
  onLog(abandon);
  process.on('uncaughtException', (error) => {
    abandon(() => logger.fatal({ err: error }, 'Cannot go on because of an unexpected error'));
    process.exit(1);
  });
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
      onApplied(applied) {
        tlsWatcher.follow(applied.tlsFiles);
        for (const caution of listCautions(applied, policies)) logger.warn(caution);
      },
      droppedLines: dropped,
      lint: (config) => lintInForce(options.config, config),
      explain: (config, upstream, request) =>
        explainUpstream(config, effectiveOf.get(config) ?? [], upstream, request),
    });
  } catch (error) {
    if (!(error instanceof ListenError)) throw error;
    process.stderr.write(`breakwater: error: ${error.message}\n`);
    return 1;
  }
  watcher = watchFile(options.config, clock, () => void app.reload(), includes);
  process.on('SIGHUP', () => void app.reload());
  // From here on, calls decide how large it is.
  letYoungGrow();
  // Last: a program that reads "ready" may send a signal, which would end the process without a listener.
  announce(app);
  if (!isQuick) void tellWarningsLater(options.config);
  logger.info({ signal: await stopped }, 'draining');
  watcher.close();
  tlsWatcher.close();
  await app.stop();
  logger.info('stopped');
  await close();
  return 0;
}

/** Plain lines for every `log.level`: the program that starts the proxy waits for them. */
function announce(app: App): void {
  const lines = app.listeners.map(
    ({ name, address }) => `breakwater: ${name} listens on ${formatAddress(address)}\n`,
  );
  process.stdout.write(`${lines.join('')}breakwater: ready\n`);
}
