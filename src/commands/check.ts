/** `breakwater check`: tells all that is wrong with a configuration file. */
import { formatDiagnostics } from '../config/diagnostics.js';
import { loadConfig } from '../config/load.js';
import type { Output } from './output.js';

export interface CheckOptions {
  /** Warnings fail as well; infos never do. */
  readonly strict: boolean;
  readonly format: 'text' | 'json';
}

/** @returns the exit code: 0 fine, 1 not. */
export function check(file: string, options: CheckOptions, output: Output): number {
  const { diagnostics, config } = loadConfig(file, output.env);
  const isFine = !diagnostics.some(
    ({ level }) => level === 'error' || (options.strict && level === 'warning'),
  );
  if (options.format === 'json') {
    output.stdout.write(`${JSON.stringify(diagnostics, undefined, 2)}\n`);
  } else {
    output.stderr.write(formatDiagnostics(diagnostics));
    const count = config?.upstreams.length ?? 0;
    if (isFine) output.stdout.write(`${file}: OK, ${count} upstream${count === 1 ? '' : 's'}\n`);
  }
  return isFine ? 0 : 1;
}
