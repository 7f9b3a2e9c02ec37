/** Tables for a terminal, or for a README. */

export type Row = readonly string[];

/** The first column is for names. */
export function printTable(head: Row, rows: readonly Row[], isMarkdown: boolean): void {
  const widths = head.map((title, i) =>
    Math.max(title.length, 3, ...rows.map((row) => row[i]!.length)),
  );
  const isText = head.map((_, i) => rows.every((row) => /^[^\d+-]*$|[a-z]{4}/i.test(row[i]!)));
  const align = (row: Row) =>
    row.map((cell, i) => (isText[i] ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)));
  if (!isMarkdown) {
    for (const row of [head, ...rows]) console.log(align(row).join('  ').trimEnd());
    return;
  }
  const rule = widths.map((width, i) =>
    isText[i] ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  for (const row of [align(head), rule, ...rows.map(align)]) console.log(`| ${row.join(' | ')} |`);
}
