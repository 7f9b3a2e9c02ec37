/** `breakwater inject`: adds the sidecar to the workloads of a Kubernetes manifest. */
import { readFileSync, writeFileSync } from 'node:fs';
import { formatDiagnostics } from '../config/syntax/diagnostics.js';
import { describeFailure, readText } from '../config/syntax/read-text.js';
import { inject as injectText } from '../inject/inject.js';
import { version } from '../version.js';
import { STDIN, STDIN_NAME, type Output } from './output.js';

export interface InjectOptions {
  readonly image?: string;
  readonly config?: string;
  readonly configMap?: string;
  readonly secret?: string;
  readonly env?: readonly string[];
  readonly only?: string;
  readonly write: boolean;
}

export const DEFAULT_IMAGE = `breakwater:${version}`;

const VARIABLE = /^([A-Za-z_][A-Za-z0-9_]*)=(.+)$/;

class Mistake extends Error {}

/** @returns the exit code: 1 where nothing was injected. */
export function inject(file: string, options: InjectOptions, output: Output): number {
  const { stdout, stderr } = output;
  try {
    const isStdin = file === STDIN;
    if (isStdin && options.write) {
      throw new Mistake('Cannot write to standard input; leave out --write');
    }
    const name = isStdin ? STDIN_NAME : file;
    const bytes = () => (isStdin ? (output.stdin?.() ?? Buffer.alloc(0)) : readFileSync(file));
    const text = read(name, bytes);
    const result = injectText(text, name, {
      image: options.image ?? DEFAULT_IMAGE,
      replacesImage: options.image !== undefined,
      configMap: options.configMap,
      secret: options.secret,
      variables: readVariables(options.env ?? []),
      only: options.only,
      configuration: readConfiguration(options.config),
      env: output.env,
    });
    stderr.write(formatDiagnostics(result.diagnostics));
    if (result.text === undefined) return 1;
    for (const { kind, name, added } of result.changes) {
      const done = added.length === 0 ? 'has it all already' : `has now ${added.join(', ')}`;
      stderr.write(`${`${kind} ${name}`.trimEnd()} ${done}\n`);
    }
    if (!options.write) stdout.write(result.text);
    else if (result.text !== text) writeFileSync(file, result.text);
    return 0;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!(error instanceof Mistake) && code === undefined) throw error;
    const told =
      error instanceof Mistake ? message : `Cannot write ${file}: ${describeFailure(error)}`;
    stderr.write(`breakwater: error: ${told}\n`);
    return 1;
  }
}

function read(name: string, bytes: () => Uint8Array): string {
  const decoded = readText(bytes);
  if ('text' in decoded) return decoded.text;
  throw new Mistake(`Cannot read ${name} because ${decoded.problem}`);
}

function readConfiguration(file: string | undefined) {
  return file === undefined ? undefined : { file, text: read(file, () => readFileSync(file)) };
}

function readVariables(written: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    written.map((each) => {
      const [, name, upstream] = VARIABLE.exec(each) ?? [];
      if (name !== undefined && upstream !== undefined) return [name, upstream];
      throw new Mistake(
        `Cannot set a variable because --env must be NAME=UPSTREAM, such as CATALOG_URL=catalog, but is "${each}"`,
      );
    }),
  );
}
