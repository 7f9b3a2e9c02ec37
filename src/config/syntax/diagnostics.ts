/** What is wrong with a configuration file, and where: collected, sorted and written out. */
import { closest, distance } from 'fastest-levenshtein';

export type Level = 'error' | 'warning' | 'info';

export interface Position {
  /** From 1 on. */
  readonly line: number;
  /** From 1 on, in UTF-16 units as editors count. */
  readonly column: number;
  /** The included file in which the place is; undefined in the file that was given. */
  readonly file?: string;
}

export interface Diagnostic extends Position {
  readonly file: string;
  readonly level: Level;
  /** Stable name of the kind of problem. */
  readonly rule: string;
  /** `upstreams.catalog.routes[0].match.path`; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
}

/** A key or an index per step from the top of the file. */
export type Path = readonly (string | number)[];

export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (!/^[\w.-]+$/.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}

/** The problems of a configuration: of one file, and of those that it includes. */
export class Findings {
  readonly file: string;
  readonly #found = new Map<string, Diagnostic>();

  constructor(file: string) {
    this.file = file;
  }

  report(level: Level, rule: string, position: Position, path: Path, message: string): void {
    const { line, column, file = this.file } = position;
    // A mistake within an anchor is reported once, not once per alias.
    const key = `${file}:${line}:${column}:${message}`;
    if (this.#found.has(key)) return;
    this.#found.set(key, { file, line, column, level, rule, path: formatPath(path), message });
  }

  error(rule: string, position: Position, path: Path, message: string): void {
    this.report('error', rule, position, path, message);
  }

  get hasErrors(): boolean {
    return [...this.#found.values()].some(({ level }) => level === 'error');
  }

  /** By position. */
  list(): Diagnostic[] {
    return sortDiagnostics([...this.#found.values()], this.file);
  }

  /** How a message at `here` names the file that was given. */
  nameFile(here: Position): string {
    return here.file === undefined ? 'this file' : this.file;
  }

  /** How a message at `here` names another place: `line 5`, or `team-a.yaml:5` where that is in another file. */
  nameLine(there: Position, here: Position): string {
    const { line, file = this.file } = there;
    return there.file === here.file ? `line ${line}` : `${file}:${line}`;
  }
}

/** Whether it comes before: the file that was given before those that it includes. */
export const comparePositions = (a: Position, b: Position): number =>
  compareFiles(a.file ?? '', b.file ?? '') || a.line - b.line || a.column - b.column;

const compareFiles = (a: string, b: string) => (a === b ? 0 : a < b ? -1 : 1);

/** By position, those of the file `first` before those of others. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[], first: string): Diagnostic[] {
  const rank = ({ file }: Diagnostic) => (file === first ? 0 : 1);
  return diagnostics.toSorted(
    (a, b) => rank(a) - rank(b) || comparePositions(a, b) || a.path.localeCompare(b.path, 'en'),
  );
}

/**
 * `FILE:LINE:COLUMN: error: PATH: message`, without the path if the whole file is meant. Warnings and infos end with the
 * name of their rule, which switches them off in a comment.
 */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { file, line, column, level, rule, path, message } = diagnostic;
  const subject = path === '' ? '' : `${path}: `;
  const name = level === 'error' ? '' : ` [${rule}]`;
  return `${file}:${line}:${column}: ${level}: ${subject}${message}${name}`;
}

/** One line each. */
export function formatDiagnostics(diagnostics: readonly Diagnostic[]): string {
  return diagnostics.map((diagnostic) => `${formatDiagnostic(diagnostic)}\n`).join('');
}

/** ` did you mean "x"?`, or nothing where no candidate is near. */
export function didYouMean(written: string, candidates: readonly string[]): string {
  if (candidates.length === 0 || written.length > 100) return '';
  const exact = candidates.find((candidate) => candidate.toLowerCase() === written.toLowerCase());
  const near = exact ?? closest(written, candidates);
  return isNear(written, near) ? ` did you mean ${JSON.stringify(near)}?` : '';
}

function isNear(written: string, candidate: string): boolean {
  const [a, b] = [written.toLowerCase(), candidate.toLowerCase()];
  return (
    distance(a, b) <= Math.max(1, Math.ceil(b.length / 3)) || sortLetters(a) === sortLetters(b)
  );
}

/** Sorted letters find swapped ones, which count as two edits. */
const sortLetters = (text: string) => text.split('').toSorted().join('');

/** Whether an unknown key is a misspelt `missing`: then only the unknown key is reported. */
export function isMisspelt(
  missing: string,
  keys: readonly string[],
  known: readonly string[],
): boolean {
  return keys.some(
    (key) => !known.includes(key) && didYouMean(key, known).includes(JSON.stringify(missing)),
  );
}

/** For a sentence: `a, b or c`. */
export function listWords(words: readonly string[], conjunction = 'or'): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} ${conjunction} ${words.at(-1)}`;
}
