/** `breakwater check`: reports all errors of configuration files, and settings that are likely to fail in production. */
import { plural } from '../lib/plural.js';
import { formatDiagnostics, type Diagnostic, type Level } from '../config/syntax/diagnostics.js';
import { formatAsSarif, formatForGithub } from './check-formats.js';
import { checkInputs, type Checked } from './check-inputs.js';
import type { Output } from './output.js';

export interface CheckOptions {
  /** Exit code 1 for warnings too, but not for infos. */
  readonly strict: boolean;
  readonly format: 'text' | 'json' | 'github' | 'sarif';
  /** Variables without a value are allowed. */
  readonly allowUnset: boolean;
}

/** @param inputs files, folders, and `-` for standard input. @returns the exit code: 0 fine, 1 not. */
export function check(inputs: readonly string[], options: CheckOptions, output: Output): number {
  const checked = checkInputs(inputs, options.allowUnset, output);
  const isFine = ({ diagnostics }: Checked) =>
    !diagnostics.some(({ level }) => level === 'error' || (options.strict && level === 'warning'));
  const all = checked.flatMap(({ diagnostics }) => diagnostics);
  if (options.format === 'text') {
    output.stderr.write(formatDiagnostics(all));
    const lines = checked.filter(isFine).map(describeFine);
    if (lines.length > 0) output.stdout.write(lines.join(''));
  } else {
    output.stdout.write(formats[options.format](all));
  }
  return checked.every(isFine) ? 0 : 1;
}

const formats = {
  json: (all: readonly Diagnostic[]) => `${JSON.stringify(all, undefined, 2)}\n`,
  github: formatForGithub,
  sarif: formatAsSarif,
} as const;

function describeFine({ name, upstreams, diagnostics }: Checked): string {
  const found = (wanted: Level) => diagnostics.filter(({ level }) => level === wanted).length;
  const counts = [
    ...(upstreams === undefined ? [] : [plural(upstreams, 'upstream')]),
    ...(['warning', 'info'] as const)
      .filter((level) => found(level) > 0)
      .map((level) => plural(found(level), level)),
  ];
  return `${name}: OK, ${counts.join(', ')}\n`;
}
