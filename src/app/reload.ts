/** Runs reloads one after the other. Each one puts the whole file in force or changes nothing. */
import { compareConfigs } from '../config/changes.js';
import type { Config } from '../config/config.js';
import type { Loaded } from '../config/load.js';
import { formatDiagnostic, type Diagnostic } from '../config/syntax/diagnostics.js';
import type { ReloadOutcome } from '../core/reload.js';
import { plural } from '../lib/plural.js';
import type { Logger } from '../telemetry/log/logger.js';
import { ListenError } from './addresses.js';

export interface ReloadOptions {
  /** Reads the configuration file again. */
  readonly load: () => Loaded;
  /** The configuration in force. */
  readonly current: () => Config;
  /** Puts a configuration in force. @throws ListenError, with nothing changed. */
  readonly apply: (config: Config) => Promise<void>;
  readonly onDone: (outcome: ReloadOutcome) => void;
  readonly logger: Logger;
}

export class Reloads {
  readonly #options: ReloadOptions;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ReloadOptions) {
    this.#options = options;
  }

  /** Resolves when the reloads that were asked for are done. */
  get settled(): Promise<unknown> {
    return this.#last;
  }

  /** Reads the file again and puts it in force, or changes nothing at all. */
  run(): Promise<ReloadOutcome> {
    const outcome = this.#last.then(() => this.#reload());
    // If a reload throws because of a defect, later reloads and the shutdown must still run.
    this.#last = outcome.catch(() => {});
    return outcome;
  }

  async #reload(): Promise<ReloadOutcome> {
    const { load, onDone, logger } = this.#options;
    const loaded = load();
    const outcome = await this.#attempt(loaded);
    onDone(outcome);
    if (outcome.kind === 'success') logger.info(outcome, 'configuration reloaded');
    else {
      const why = outcome.kind === 'invalid' ? summarize(loaded.diagnostics) : outcome.message;
      logger.error(
        outcome,
        `Cannot reload the configuration, so the one before stays in force: ${why}`,
      );
    }
    return outcome;
  }

  async #attempt({ config, diagnostics }: Loaded): Promise<ReloadOutcome> {
    const { current, apply } = this.#options;
    if (config === undefined) return { kind: 'invalid', diagnostics };
    const changes = compareConfigs(current(), config);
    try {
      await apply(config);
    } catch (error) {
      if (!(error instanceof ListenError)) throw error;
      return { kind: 'unbindable', message: error.message };
    }
    return { kind: 'success', changes };
  }
}

/** The first problem with its place, and how many more there are: the fields of the line have all of them. */
function summarize(diagnostics: readonly Diagnostic[]): string {
  const [first, ...others] = diagnostics
    .filter(({ level }) => level === 'error')
    .map(formatDiagnostic);
  return others.length === 0
    ? String(first)
    : `${first}; and ${plural(others.length, 'more problem')}`;
}
