/** `breakwater explain`: an upstream's effective keys as YAML, each value with where it came from. */
import { explainUpstream } from '../config/explain.js';
import { formatDiagnostics } from '../config/syntax/diagnostics.js';
import { loadInput } from './load-input.js';
import type { Output } from './output.js';

export interface ExplainOptions {
  readonly upstream: string;
  /** `GET /path`: the first route that matches it is laid over. The path is the one below the upstream's `prefix`. */
  readonly request?: string | undefined;
}

/** @returns the exit code: 1 when there is nothing to explain. */
export function explain(file: string, options: ExplainOptions, output: Output): number {
  const { config, effective, diagnostics } = loadInput(file, output);
  output.stderr.write(formatDiagnostics(diagnostics));
  if (config === undefined || effective === undefined) return 1;
  const explained = explainUpstream(config, effective, options.upstream, options.request);
  if ('problem' in explained) {
    output.stderr.write(`breakwater: error: ${explained.problem}\n`);
    return 1;
  }
  // In one piece: a reader such as `head` may be gone before a second one.
  output.stdout.write(explained.text);
  return 0;
}
