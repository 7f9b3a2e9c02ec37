/** Files of other programs: YAML or JSON with any number of documents, to source trees. */
import { LineCounter, parseAllDocuments, type Document } from 'yaml';
import type { Findings, Position } from './diagnostics.js';
import { TreeBuilder } from './parse.js';
import type { SourceNode } from './source.js';
import { reportSyntax } from './syntax-errors.js';

const START: Position = { line: 1, column: 1 };

/**
 * `${NAME}` is left as it is: other programs have their own notations.
 * @returns a tree for each document that is not empty; none if the text cannot be read, `findings` has the error.
 */
export function parseDocuments(text: string, findings: Findings): readonly SourceNode[] {
  const source = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const lineCounter = new LineCounter();
  const positionAt = (offset: number): Position => {
    const { line, col } = lineCounter.linePos(offset);
    return line === 0 ? START : { line, column: col };
  };
  try {
    const documents = parseAllDocuments(source, {
      lineCounter,
      merge: true,
      stringKeys: true,
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: 'error',
    }) as Document[];
    const problems = documents.flatMap(({ errors }) => errors);
    if (problems.length > 0) {
      reportSyntax(problems, source, positionAt, findings);
      return [];
    }
    return documents
      .filter(({ contents }) => contents !== null)
      .map(({ contents }) =>
        new TreeBuilder(undefined, findings, positionAt, false).build(contents, START),
      );
  } catch (cause) {
    // Nested so deeply that the parser itself gave up.
    const message = cause instanceof Error ? cause.message : String(cause);
    findings.error('syntax', START, [], `cannot be read as YAML: ${message.split('\n')[0]}`);
    return [];
  }
}
