/** What `check` says about the file of a running proxy. */
import { checkConfig } from '../config/check.js';
import type { Diagnostic } from '../config/syntax/diagnostics.js';

export interface FileCheck {
  /** Of what is in the file now; undefined for a file with errors. */
  readonly hash: string | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

export function checkFile(file: string): FileCheck {
  const { config, diagnostics } = checkConfig(file, process.env);
  return { hash: config?.hash, diagnostics };
}
