/** Tables of what was measured: medians over the rounds, and ratios to the floor. */
import { writeFileSync } from 'node:fs';
import { median, spread } from '../support/statistics.js';
import type { Options } from './arguments.js';
import type { Contender } from './contenders.js';
import type { Workload } from './workloads.js';

/** Of one contender with one workload; lists hold a value per round. */
export interface Result {
  readonly contender: Contender;
  readonly version: string;
  readonly workload: Workload;
  readonly perSecond: number[];
  /** Requests per second of the proxy's own processor time. */
  readonly perCpuSecond: number[];
  /** Share of its processor that the proxy used. */
  readonly proxyShare: number[];
  /** The same of upstream and load generator together. */
  readonly loadShare: number[];
  /** Of all requests: not answered with 2xx. */
  readonly refusedShare: number[];
  /** Resident after the last round. */
  rssMegabytes: number;
}

type Row = readonly string[];

export async function printReport(results: readonly Result[], options: Options): Promise<void> {
  const head = [
    '',
    'requests/s',
    'x floor',
    'per CPU s',
    'x floor',
    'spread',
    'proxy CPU',
    'load CPU',
    'errors',
    'RSS MiB',
  ];
  for (const workload of options.workloads) {
    const of = results.filter((result) => result.workload === workload);
    const floor = of.find(({ contender }) => contender.name === 'floor');
    const rows = of.map((result): Row => {
      const isProxy = result.contender.prepare !== undefined;
      return [
        result.contender.title,
        String(Math.round(median(result.perSecond))),
        ratio(result.perSecond, floor?.perSecond),
        isProxy ? String(Math.round(median(result.perCpuSecond))) : '',
        isProxy ? ratio(result.perCpuSecond, floor?.perCpuSecond) : '',
        percent(spread(isProxy ? result.perCpuSecond : result.perSecond)),
        isProxy ? percent(median(result.proxyShare)) : '',
        percent(median(result.loadShare)),
        percent(median(result.refusedShare)),
        isProxy ? String(Math.round(result.rssMegabytes)) : '',
      ];
    });
    console.log(`\n${workload.title}\n`);
    printTable(head, rows, options.isMarkdown);
  }
  if (options.json !== undefined) {
    const figures = results.map(({ contender, workload, ...rest }) => ({
      contender: contender.name,
      workload: workload.name,
      ...rest,
    }));
    writeFileSync(options.json, `${JSON.stringify(figures, undefined, 2)}\n`);
  }
}

/** Of the values round by round, so that what slowed a whole round down drops out. */
function ratio(values: readonly number[], floor: readonly number[] | undefined): string {
  if (floor === undefined) return '';
  return median(values.map((value, round) => value / floor[round]!)).toFixed(2);
}

const percent = (share: number) => `${(share * 100).toFixed(share < 0.1 && share > 0 ? 1 : 0)} %`;

export function printTable(head: Row, rows: readonly Row[], isMarkdown: boolean): void {
  const widths = head.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => row[i]!.length)),
  );
  const line = (row: Row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)));
  if (!isMarkdown) {
    for (const row of [head, ...rows]) console.log(line(row).join('  '));
    return;
  }
  const rule = widths.map((width, i) =>
    i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  for (const row of [line(head), rule, ...rows.map(line)]) console.log(`| ${row.join(' | ')} |`);
}
