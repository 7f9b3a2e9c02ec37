/** What `check` says about the configuration in force: looked up once somebody wants to see it, for it takes a while. */
import type { Config } from '../config/config.js';
import type { Diagnostic } from '../config/syntax/diagnostics.js';

/** @returns undefined where the file is no longer the one in force. */
export type LintConfig = (config: Config) => Promise<readonly Diagnostic[] | undefined>;

export interface LintSummary {
  readonly warnings: number;
  readonly infos: number;
  /** The first ones, warnings before infos. */
  readonly diagnostics: readonly Diagnostic[];
}

export class LintInForce {
  readonly #lint: LintConfig;
  readonly #most: number;
  /** Of the configuration that it is about. */
  #hash: string | undefined;
  #summary: LintSummary | null = null;

  /** @param most diagnostics to show. */
  constructor(lint: LintConfig, most: number) {
    this.#lint = lint;
    this.#most = most;
  }

  /** Null until it is known. @param config the one in force. */
  read({ hash }: Config): LintSummary | null {
    return hash === this.#hash ? this.#summary : null;
  }

  /** Looks it up, unless it is known or under way. */
  async want(config: Config): Promise<void> {
    const { hash } = config;
    if (hash === this.#hash) return;
    this.#hash = hash;
    this.#summary = null;
    const found = await this.#lint(config);
    // Another one may be in force by now.
    if (hash !== this.#hash) return;
    // The file may be as it was when somebody looks again.
    if (found === undefined) this.#hash = undefined;
    else this.#summary = summarize(found, this.#most);
  }
}

function summarize(found: readonly Diagnostic[], most: number): LintSummary {
  const warnings = found.filter(({ level }) => level === 'warning');
  const infos = found.filter(({ level }) => level === 'info');
  return {
    warnings: warnings.length,
    infos: infos.length,
    diagnostics: [...warnings, ...infos].slice(0, most),
  };
}
