/** Runs reloads one after the other. Each one puts the whole file in force or changes nothing. */
import type { Config } from '../config/config.js';
import type { Loaded } from '../config/load.js';
import { findChanges, type ReloadOutcome } from '../core/reload.js';
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
    const outcome = await this.#attempt(load());
    onDone(outcome);
    if (outcome.kind === 'success') logger.info(outcome, 'configuration reloaded');
    else logger.error(outcome, 'Cannot reload the configuration; the one before stays in force');
    return outcome;
  }

  async #attempt({ config, diagnostics }: Loaded): Promise<ReloadOutcome> {
    const { current, apply } = this.#options;
    if (config === undefined) return { kind: 'invalid', diagnostics };
    const changes = findChanges(current().document, config.document);
    try {
      await apply(config);
    } catch (error) {
      if (!(error instanceof ListenError)) throw error;
      return { kind: 'unbindable', message: error.message };
    }
    return { kind: 'success', changes };
  }
}
