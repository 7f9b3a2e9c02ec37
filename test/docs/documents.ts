/** The project's documents, as the tests read them. */
import { readDocuments, type Document } from '../../tools/docs/documents.js';
import { sections, tableRows, type Row, type Section } from './markdown.js';

export const documents: readonly Document[] = readDocuments();

/** @throws where there is no such document. */
export function documentAt(path: string): Document {
  const found = documents.find((document) => document.path === path);
  if (found === undefined) throw new Error(`There is no ${path}`);
  return found;
}

/** A row of a table, and the document that has it. */
export interface DocumentRow {
  readonly path: string;
  readonly row: Row;
}

const linesOf = ({ text }: Document) => sections(text).flatMap(({ lines }) => [...lines, '']);

/** The rows of all tables, in all documents, whose first column has that title. */
export function rowsEverywhere(firstColumn: string): DocumentRow[] {
  return documents.flatMap((document) =>
    tableRows(linesOf(document), firstColumn).map((row) => ({ path: document.path, row })),
  );
}

/** The rows of the tables of one document. */
export const rowsIn = (path: string, firstColumn: string): Row[] =>
  tableRows(linesOf(documentAt(path)), firstColumn);

/** @throws where the document has no such section. */
export function sectionOf(path: string, title: string): Section {
  const found = sections(documentAt(path).text).find((section) => section.title === title);
  if (found === undefined) throw new Error(`${path} has no section "${title}"`);
  return found;
}
