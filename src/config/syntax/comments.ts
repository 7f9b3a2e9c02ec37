/** The comments of a configuration file. */
import { Lexer } from 'yaml';
import type { Position } from './diagnostics.js';

export interface Comment extends Position {
  /** With its `#`. */
  readonly text: string;
}

/** What the lexer puts between tokens: marks that are not in the file. */
const MARKS: ReadonlySet<string> = new Set(['\uFEFF', '\u0002', '\u0018', '\u001F']);

/**
 * The comments of a file that is YAML, told from text that only looks like one.
 * @param file as in their positions.
 */
export function readComments(text: string, file?: string): Comment[] {
  const comments: Comment[] = [];
  const position: { line: number; column: number; file?: string } = { line: 1, column: 1 };
  if (file !== undefined) position.file = file;
  for (const token of new Lexer().lex(text)) {
    // No scalar starts with a # of its own: block scalars begin with their indentation, all others with a quote.
    if (token.startsWith('#')) {
      comments.push({ ...position, text: token.trimEnd() });
    }
    if (MARKS.has(token)) continue;
    const lines = token.split('\n');
    position.line += lines.length - 1;
    position.column = lines.at(-1)!.length + (lines.length === 1 ? position.column : 1);
  }
  return comments;
}
