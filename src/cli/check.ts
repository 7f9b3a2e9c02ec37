/** `breakwater check`: tells all that is wrong with a configuration file, and what is likely to go wrong in production. */
import { checkConfig } from '../config/check.js';
import { formatDiagnostics, type Level } from '../config/syntax/diagnostics.js';
import type { Output } from './output.js';

export interface CheckOptions {
  /** Warnings fail as well; infos never do. */
  readonly strict: boolean;
  readonly format: 'text' | 'json';
}

/** @returns the exit code: 0 fine, 1 not. */
export function check(file: string, options: CheckOptions, output: Output): number {
  const { diagnostics, config } = checkConfig(file, output.env);
  const isFine = !diagnostics.some(
    ({ level }) => level === 'error' || (options.strict && level === 'warning'),
  );
  if (options.format === 'json') {
    output.stdout.write(`${JSON.stringify(diagnostics, undefined, 2)}\n`);
  } else {
    output.stderr.write(formatDiagnostics(diagnostics));
    if (isFine) {
      const found = (wanted: Level) => diagnostics.filter(({ level }) => level === wanted).length;
      const counts = [
        count(config?.upstreams.length ?? 0, 'upstream'),
        ...(['warning', 'info'] as const)
          .filter((level) => found(level) > 0)
          .map((level) => count(found(level), level)),
      ];
      output.stdout.write(`${file}: OK, ${counts.join(', ')}\n`);
    }
  }
  return isFine ? 0 : 1;
}

const count = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`;
