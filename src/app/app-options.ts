/** What the app is started with, besides its configuration. */
import type { Config } from '../config/config.js';
import type { Loaded } from '../config/load.js';
import type { Clock, Random } from '../core/clock.js';
import type { Explanation } from '../core/live.js';
import type { PolicyList } from '../core/policy.js';
import type { Logger } from '../telemetry/log/logger.js';
import type { LintConfig } from './lint-in-force.js';

export interface AppOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Outermost first. */
  readonly policies: PolicyList;
  readonly logger: Logger;
  readonly version: string;
  /** Lines that the log had to leave out so far. */
  readonly droppedLines?: () => number;
  /** Reads the configuration file again. */
  readonly load: () => Loaded;
  /** A configuration has taken effect, the first one included. */
  readonly onApplied?: (config: Config) => void;
  /** What `check` says about the configuration in force; without it the live page does not show that. */
  readonly lint?: LintConfig;
  /** The effective policy of an upstream; without it the live page has none to show. */
  readonly explain?: (config: Config, upstream: string, request: string | undefined) => Explanation;
}
