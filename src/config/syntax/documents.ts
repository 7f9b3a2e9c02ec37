/** Files of other programs: YAML or JSON with any number of documents, to source trees. */
import { parseAllDocuments, type Document } from 'yaml';
import type { Findings } from './diagnostics.js';
import { TreeBuilder } from './parse.js';
import type { SourceNode } from './source.js';
import { reportSyntax } from './syntax-errors.js';
import { YamlText } from './yaml-text.js';

/**
 * `${NAME}` is left as it is: other programs have their own notations.
 * @returns a tree for each document that is not empty; none if the text cannot be read, `findings` has the error.
 */
export function parseDocuments(text: string, findings: Findings): readonly SourceNode[] {
  const file = new YamlText(text);
  const { source, positionAt, start } = file;
  try {
    const documents = parseAllDocuments(source, file.parserOptions) as Document[];
    const problems = documents.flatMap(({ errors }) => errors);
    if (problems.length > 0) {
      reportSyntax(problems, source, positionAt, findings);
      return [];
    }
    return documents
      .filter(({ contents }) => contents !== null)
      .map(({ contents }) =>
        new TreeBuilder(undefined, findings, positionAt, false).build(contents, start),
      );
  } catch (cause) {
    file.reportFailure(cause, findings);
    return [];
  }
}
