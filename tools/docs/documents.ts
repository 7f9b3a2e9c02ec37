/** The documents of the project, and what `npm run docs` writes into them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chartFiles } from '../chart/files.js';
import { equivalentTable, readEquivalents } from '../mutation/equivalent.js';
import { fillMarked, type Generators } from './marked.js';
import { manPage } from './man-page.js';
import { metricTable } from './metric-table.js';
import { optionTable } from './option-table.js';
import { drawCircuit } from './pictures/circuit.js';
import { drawDeadline } from './pictures/deadline.js';
import { drawPipeline } from './pictures/pipeline.js';

export const root = fileURLToPath(new URL('../../../', import.meta.url));

/** A file of the project: its path from the root, and its text. */
export interface Document {
  readonly path: string;
  readonly text: string;
}

const FOLDERS = ['.github', 'deploy', 'docs', 'findings'];

const isMarkdown = (path: string) => path.endsWith('.md');

function markdownIn(folder: string): string[] {
  return (readdirSync(join(root, folder), { recursive: true }) as string[])
    .map((path) => `${folder}/${path.replaceAll('\\', '/')}`)
    .filter(isMarkdown);
}

/** All Markdown files of the project, sorted by path. */
export function readDocuments(): Document[] {
  const top = readdirSync(root);
  const paths = [
    ...top.filter(isMarkdown),
    ...FOLDERS.filter((folder) => top.includes(folder)).flatMap(markdownIn),
  ];
  return paths.toSorted().map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

const generators: Generators = {
  options: (names) => names.map(optionTable).join('\n\n'),
  metrics: metricTable,
  mutants: () => equivalentTable(readEquivalents(root)),
};

/** Each picture's file, and what draws it. */
export const pictures: Readonly<Record<string, () => string>> = {
  'docs/pictures/circuit.svg': drawCircuit,
  'docs/pictures/deadline.svg': drawDeadline,
  'docs/pictures/pipeline.svg': drawPipeline,
};

/** Every file that `npm run docs` writes, as it should be. */
export async function generateDocuments(): Promise<Document[]> {
  const filled: Document[] = [];
  for (const { path, text } of readDocuments()) {
    filled.push({ path, text: await fillMarked(text, generators) });
  }
  const drawn = Object.entries(pictures).map(([path, draw]) => ({ path, text: draw() }));
  return [...filled, ...drawn, { path: 'man/breakwater.1', text: manPage() }, ...chartFiles()];
}

/** The generated files that differ from those on disk, as they should be. */
export async function findOutdated(): Promise<Document[]> {
  const generated = await generateDocuments();
  return generated.filter(({ path, text }) => readIfThere(path) !== text);
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return undefined;
  }
}
