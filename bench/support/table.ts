/** Tables for a terminal, or for a README. */

export type Row = readonly string[];

/** A number, perhaps with its unit, or what stands in its place. */
const NUMBER = /^(?:[+-]?[\d.]+%?|overloaded|NaN|)$/;

/** Columns of numbers are aligned to the right. */
export function printTable(head: Row, rows: readonly Row[], isMarkdown: boolean): void {
  const widths = head.map((title, i) =>
    Math.max(title.length, 3, ...rows.map((row) => row[i]!.length)),
  );
  const isText = head.map((_, i) => rows.some((row) => !NUMBER.test(row[i]!)));
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
