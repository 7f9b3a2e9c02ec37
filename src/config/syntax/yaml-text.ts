/** The text of a YAML file as the parser wants it, with the position of each place in it. */
import { isScalar, LineCounter, parseDocument } from 'yaml';
import type { Findings, Position } from './diagnostics.js';
import type { ScalarValue } from './source.js';

const START: Position = { line: 1, column: 1 };

/** What the parser is told for every file. */
const PARSER_OPTIONS = {
  merge: true,
  stringKeys: true,
  // Looked for afterwards, where their path is known.
  uniqueKeys: false,
  prettyErrors: false,
  logLevel: 'error',
} as const;

export class YamlText {
  /** Without the byte order mark, which is not content, and would shift the first column. */
  readonly source: string;
  readonly #file: string | undefined;
  readonly #lineCounter = new LineCounter();

  /** @param file as in positions: the name of an included file. */
  constructor(text: string, file?: string) {
    this.source = text.startsWith('\uFEFF') ? text.slice(1) : text;
    this.#file = file;
  }

  get parserOptions() {
    return { ...PARSER_OPTIONS, lineCounter: this.#lineCounter };
  }

  get start(): Position {
    return this.#inFile(START);
  }

  /** Known once the text has been parsed. */
  readonly positionAt = (offset: number): Position => {
    const { line, col } = this.#lineCounter.linePos(offset);
    return this.#inFile(line === 0 ? START : { line, column: col });
  };

  /** The parser itself gave up, as on a text that is nested too deeply. */
  reportFailure(cause: unknown, findings: Findings): void {
    const message = cause instanceof Error ? cause.message : String(cause);
    findings.error('syntax', this.start, [], `cannot be read as YAML: ${message.split('\n')[0]}`);
  }

  #inFile(position: Position): Position {
    return this.#file === undefined ? position : { ...position, file: this.#file };
  }
}

/** One value, with or without quotes. @returns undefined where the parser objects to it. */
export function parseScalar(written: string): ScalarValue | undefined {
  const { contents, errors, warnings } = parseDocument(written, PARSER_OPTIONS);
  const isFine = errors.length === 0 && warnings.length === 0 && isScalar(contents);
  return isFine ? (contents.value as ScalarValue) : undefined;
}
