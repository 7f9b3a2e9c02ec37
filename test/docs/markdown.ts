/** Reads as much of Markdown as the tests of the project's documents need. */

export interface Section {
  /** Without the marks. */
  readonly title: string;
  readonly level: number;
  /** Lines up to the next heading of any level. */
  readonly lines: readonly string[];
}

export interface CodeBlock {
  readonly language: string;
  /** Of its first line, from 1 on. */
  readonly line: number;
  readonly text: string;
}

/** By column title. */
export type Row = Readonly<Record<string, string>>;

const HEADING = /^(#{1,6}) (.+)$/;
const FENCE = /^```(\w*)/;

export function codeBlocks(markdown: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: { language: string; line: number; lines: string[] } | undefined;
  for (const [index, text] of markdown.split('\n').entries()) {
    const fence = FENCE.exec(text);
    if (open === undefined) {
      if (fence !== null) open = { language: fence[1]!, line: index + 2, lines: [] };
    } else if (fence === null) {
      open.lines.push(text);
    } else {
      const { language, line, lines } = open;
      blocks.push({ language, line, text: `${lines.join('\n')}\n` });
      open = undefined;
    }
  }
  return blocks;
}

/** The same lines, those of code blocks left empty. */
export function withoutCode(markdown: string): string {
  let isCode = false;
  return markdown
    .split('\n')
    .map((line) => {
      const isFence = FENCE.test(line);
      if (isFence) isCode = !isCode;
      return isFence || isCode ? '' : line;
    })
    .join('\n');
}

export function sections(markdown: string): Section[] {
  const found: { title: string; level: number; lines: string[] }[] = [];
  for (const line of withoutCode(markdown).split('\n')) {
    const heading = HEADING.exec(line);
    if (heading === null) found.at(-1)?.lines.push(line);
    else found.push({ title: heading[2]!, level: heading[1]!.length, lines: [] });
  }
  return found;
}

/** The rows of the tables whose first column has that title. */
export function tableRows(lines: readonly string[], firstColumn: string): Row[] {
  const rows: Row[] = [];
  let titles: readonly string[] | undefined;
  for (const line of lines) {
    if (!line.startsWith('|')) {
      titles = undefined;
      continue;
    }
    const cells = cellsOf(line);
    if (titles === undefined) titles = cells;
    else if (titles[0] === firstColumn && !/^:?-+:?$/.test(cells[0]!))
      rows.push(rowOf(titles, cells));
  }
  return rows;
}

function cellsOf(line: string): string[] {
  return line
    .replace(/^\||\|$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());
}

function rowOf(titles: readonly string[], cells: readonly string[]): Row {
  return Object.fromEntries(titles.map((title, index) => [title, cells[index] ?? '']));
}

/** The anchors of all headings, as GitHub makes them. */
export function anchors(markdown: string): Set<string> {
  const made = new Map<string, number>();
  const all = new Set<string>();
  for (const { title } of sections(markdown)) {
    const slug = title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-');
    const times = made.get(slug) ?? 0;
    made.set(slug, times + 1);
    all.add(times === 0 ? slug : `${slug}-${times}`);
  }
  return all;
}

/** Targets of the links that stay within the project. */
export function internalLinks(markdown: string): string[] {
  return [...withoutCode(markdown).matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => match[1]!)
    .filter((target) => !/^[a-z]+:/.test(target));
}

/** The text of a cell that is one piece of code, else the cell as it is. */
export function plain(cell: string): string {
  return /^`([^`]+)`$/.exec(cell)?.[1] ?? cell;
}
