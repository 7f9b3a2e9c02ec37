/** Tables of what was measured: medians over the rounds, and ratios to the floor. */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import type { Generators } from '../support/generators.js';
import { median, spread } from '../support/statistics.js';
import { printTable, type Row } from '../support/table.js';
import type { Options } from './arguments.js';
import { isFloor, type Contender } from './contenders.js';
import type { Workload } from './workloads.js';

/** Of one contender with one workload; lists hold a value per round. */
export interface Result {
  readonly contender: Contender;
  readonly workload: Workload;
  readonly perSecond: number[];
  /** Requests per second of the proxy's own processor time. */
  readonly perCpuSecond: number[];
  /** Share of its processor that the proxy used. */
  readonly proxyShare: number[];
  /** The same of upstream and load generator together. */
  readonly loadShare: number[];
  /** Of all requests: with another response than 2xx. */
  readonly refusedShare: number[];
  /** ms at `rate`. */
  readonly p50: number[];
  readonly p99: number[];
  /** ms by which the generator itself was late. */
  readonly slipP99: number[];
  /** Requests per second. */
  rate: number;
  /** Whether it completed about as many requests as were sent at that rate. */
  keepsUp: boolean;
}

/** Resident bytes. */
export interface Memory {
  readonly contender: Contender;
  readonly atStart: number;
  readonly afterLoad: number;
  readonly idle: number;
  readonly idleConnections: number;
}

export interface Report {
  readonly versions: ReadonlyMap<Contender, string>;
  readonly upstream: { readonly description: string };
  readonly generators: Generators;
  readonly results: readonly Result[];
  readonly memory: readonly Memory[];
}

const MEBIBYTE = 2 ** 20;
/** Share of a processor from which on it counts as used up. */
const BUSY = 0.9;

export function report(whole: Report, options: Options): void {
  const { versions, upstream, generators, results, memory } = whole;
  const isFew = options.rounds === 1 ? '1 round' : `${options.rounds} rounds`;
  console.log(
    `${new Date().toISOString().slice(0, 10)}, Node.js ${process.versions.node}, ${cpus()[0]?.model ?? 'unknown processor'}\n` +
      `Medians of ${isFew} of ${options.seconds} s. Upstream: ${upstream.description}. Throughput: ${generators.description}.\n`,
  );
  const names = [...versions].filter(([{ prepare }]) => prepare !== undefined);
  printTable(
    ['', 'version', 'policies'],
    names.map(([{ title, policies }, version]) => [title, version, policies]),
    options.isMarkdown,
  );
  for (const workload of options.workloads) {
    const of = results.filter((result) => result.workload === workload);
    if (of.length > 0) reportWorkload(workload, of, options);
  }
  if (memory.length > 0) reportMemory(memory, options);
  if (options.json !== undefined) writeFigures(options.json, whole);
}

function reportWorkload(workload: Workload, results: readonly Result[], options: Options): void {
  const floor = results.find(({ contender }) => isFloor(contender))!;
  const direct = results.find(({ contender }) => contender.name === 'direct');
  const envoy = results.find(({ contender }) => contender.name === 'envoy');
  const rows = results.map((result): Row => {
    const { perSecond, perCpuSecond, proxyShare, loadShare, refusedShare } = result;
    const throughput = [count(perSecond), ratio(perSecond, floor.perSecond)];
    const isProxy = result.contender.prepare !== undefined;
    const besideEnvoy = envoy === undefined ? [] : [ratio(perCpuSecond, envoy.perCpuSecond)];
    const own = [
      count(perCpuSecond),
      ratio(perCpuSecond, floor.perCpuSecond),
      ...besideEnvoy,
      share(proxyShare),
    ];
    const added = isProxy && direct !== undefined ? addedBy(result, direct) : ['', ''];
    return [
      result.contender.title + (isProxy ? markOf(result) : ''),
      ...throughput,
      ...(isProxy ? own : own.map(() => '')),
      ...(workload.hasLatency ? added : []),
      share(loadShare),
      percent(Math.max(...refusedShare)),
      percent(spread(isProxy ? perCpuSecond : perSecond)),
    ];
  });
  const latency = workload.hasLatency ? ['+p50 ms', '+p99 ms'] : [];
  const rates = ['', 'req/s', 'x floor', 'req/CPU s', 'x floor'];
  const head = [...rates, ...(envoy === undefined ? [] : ['x Envoy']), 'its CPU'];
  console.log(`\n${workload.title}\n`);
  printTable([...head, ...latency, 'load CPU', 'errors', 'spread'], rows, options.isMarkdown);
  if (workload.hasLatency && direct !== undefined) {
    console.log(
      `\nAdded to ${milliseconds(median(direct.p50))} / ${milliseconds(median(direct.p99))} ms without a proxy at ${direct.rate} requests/s;` +
        ` the generator was late by up to ${milliseconds(median(direct.slipP99))} ms (p99).`,
    );
  }
  if (direct !== undefined) {
    const fastest = Math.max(
      ...results.filter((each) => each !== direct).map(({ perSecond }) => median(perSecond)),
    );
    const times = (median(direct.perSecond) / fastest).toFixed(1);
    console.log(
      `\nUpstream and load, on their one processor, can do ${times} times as much as the fastest.`,
    );
  }
  for (const [mark, meaning] of Object.entries(marks)) {
    if (rows.some(([title]) => title!.endsWith(mark))) console.log(`\n${mark} ${meaning}`);
  }
}

const marks = {
  '(*)': 'Held up by upstream and load, not by its own limit: compare per CPU second.',
  '(?)': 'Its processor was not its own: something else ran on this machine.',
};

/** Why throughput is not what the proxy could do; empty where it is. */
function markOf({ proxyShare, loadShare }: Result): string {
  if (median(proxyShare) >= BUSY) return '';
  return median(loadShare) >= BUSY ? ' (*)' : ' (?)';
}

/** What a proxy adds, round by round; it is no latency of its own where the rate is beyond its limit. */
function addedBy(result: Result, direct: Result): string[] {
  if (!result.keepsUp) return ['overloaded', 'overloaded'];
  return (['p50', 'p99'] as const).map((which) =>
    milliseconds(median(result[which].map((value, round) => value - direct[which][round]!))),
  );
}

function reportMemory(memory: readonly Memory[], options: Options): void {
  console.log('\nMemory, resident, MiB\n');
  printTable(
    ['', 'start', '64 busy', `${memory[0]!.idleConnections} idle`],
    memory.map(({ contender, atStart, afterLoad, idle }) => [
      contender.title,
      ...[atStart, afterLoad, idle].map(mebibytes),
    ]),
    options.isMarkdown,
  );
}

function writeFigures(file: string, { versions, results, memory }: Report): void {
  const figures = {
    date: new Date().toISOString(),
    node: process.versions.node,
    versions: Object.fromEntries([...versions].map(([{ name }, version]) => [name, version])),
    results: results.map((result) => ({
      ...result,
      contender: result.contender.name,
      workload: result.workload.name,
    })),
    memory: memory.map((each) => ({ ...each, contender: each.contender.name })),
  };
  writeFileSync(file, `${JSON.stringify(figures, undefined, 2)}\n`);
}

const count = (values: readonly number[]) => String(Math.round(median(values)));
const mebibytes = (bytes: number) => String(Math.round(bytes / MEBIBYTE));
const milliseconds = (value: number) => value.toFixed(2);
const share = (values: readonly number[]) => percent(median(values));
/** Small ones with two digits that count: a few errors are not none. */
const percent = (value: number) =>
  value > 0 && value < 0.1
    ? `${Number((value * 100).toPrecision(2))}%`
    : `${Math.round(value * 100)}%`;

/** Of the values round by round, so that what slowed a whole round down drops out. */
const ratio = (values: readonly number[], floor: readonly number[]) =>
  median(values.map((value, round) => value / floor[round]!)).toFixed(2);
