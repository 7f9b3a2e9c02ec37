/** `${NAME}` and `${NAME:-default}` in values, replaced from the environment. */
import type { Position } from './diagnostics.js';
import type { ScalarValue, SourceScalar } from './source.js';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Interpolated {
  readonly text: string;
  /** What cannot be replaced. */
  readonly problems: readonly string[];
  /** Names of variables that are not set and have no default; each is one of the problems. */
  readonly unset: readonly string[];
  /** Whether anything came from outside the file. */
  readonly isReplaced: boolean;
}

const REFERENCE = /\$\$\{|\$\{([^}]*)(\}?)/g;
const INNER = /^([A-Za-z_]\w*)(?::-(.*))?$/s;

/** `$${` is a literal `${`. As in a shell, the default also stands in for an empty variable. */
export function interpolate(source: string, env: Environment): Interpolated {
  const problems: string[] = [];
  const unset: string[] = [];
  let isReplaced = false;
  const text = source.replace(REFERENCE, (found, inner?: string, end?: string) => {
    if (inner === undefined) return '${';
    const match = end === '}' ? INNER.exec(inner) : null;
    if (match === null) {
      problems.push(
        `cannot read ${JSON.stringify(found)}; allowed are \${NAME} and \${NAME:-default}, and $\${ for a literal \${`,
      );
      return found;
    }
    isReplaced = true;
    const name = match[1]!;
    const fallback = match[2];
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (value !== undefined && (value !== '' || fallback === undefined)) return value;
    if (fallback !== undefined) return fallback;
    unset.push(name);
    problems.push(
      `the environment variable ${name} is not set; set it, or write \${${name}:-default}`,
    );
    return '';
  });
  return { text, problems, unset, isReplaced };
}

/** What YAML's core schema makes of a plain scalar; an empty one stays text. */
export function readPlain(text: string): ScalarValue {
  if (/^(true|True|TRUE)$/.test(text)) return true;
  if (/^(false|False|FALSE)$/.test(text)) return false;
  return /^[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : text;
}

/** A value whose variables are replaced, all of them. @param isPlain it is written without quotes and without a tag. */
export function fillScalar(
  { text, isReplaced }: Interpolated,
  position: Position,
  isPlain: boolean,
): SourceScalar {
  const scalar: SourceScalar = { kind: 'scalar', position, value: text };
  if (!isReplaced) return scalar;
  const plain = readPlain(text);
  if (plain === text) return scalar;
  // A plain scalar is read as YAML would have; quotes ask for text. The schema has the last word.
  return isPlain
    ? { ...scalar, value: plain, alternative: text }
    : { ...scalar, alternative: plain };
}
