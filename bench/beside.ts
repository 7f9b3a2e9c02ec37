/**
 * Breakwater and Envoy at the same time, on one processor that they share in turns of milliseconds: processor time per request
 * of each, and how many times as much Envoy needs. Where other machines use the same memory caches, the rounds of
 * `npm run bench` differ by half, and these by a tenth, because what disturbs the one disturbs the other as much.
 *
 *   npm run bench:beside [-- --rounds N] [--seconds S]
 */
import { saturateWith, start, type Bench, type Running } from './compare/bench.js';
import { contenders, readArguments } from './compare/arguments.js';
import { workloads, type Workload } from './compare/workloads.js';
import { chooseGenerators } from './support/generators.js';
import { cores } from './support/hot-path.js';
import { measureRounds } from './support/measure-rounds.js';
import { median } from './support/statistics.js';
import { printTable, type Row } from './support/table.js';
import { startGrpcUpstream, startUpstream } from './support/upstreams.js';

const WARM_UP_ROUNDS = 4;

const both = ['breakwater', 'envoy'].map((name) => contenders.find((each) => each.name === name)!);

/** @returns microseconds of its processor time, user and system, per request. */
async function costOf(bench: Bench, { port, program, asked }: Running): Promise<number> {
  const before = program!.cpuSeconds();
  const { requests } = await saturateWith(bench, port, asked, bench.options.seconds);
  return ((program!.cpuSeconds() - before) / requests) * 1e6;
}

async function compare(bench: Bench, workload: Workload): Promise<Row> {
  const running: Running[] = [];
  for (const contender of both) running.push(await start(bench, contender, workload));
  const costs: number[][] = both.map(() => []);
  const ratios: number[] = [];
  // The first rounds are for the compiler.
  for (let round = -WARM_UP_ROUNDS; round < bench.options.rounds; round++) {
    const [own, peer] = await Promise.all(running.map((each) => costOf(bench, each)));
    if (round < 0) continue;
    costs[0]!.push(own!);
    costs[1]!.push(peer!);
    ratios.push(peer! / own!);
  }
  for (const { program } of running) await bench.programs.stop(program!);
  console.error(workload.title);
  return [
    workload.title,
    ...costs.map((each) => median(each).toFixed(1)),
    median(ratios).toFixed(2),
    Math.min(...ratios).toFixed(2),
    Math.max(...ratios).toFixed(2),
  ];
}

await measureRounds('beside', { rounds: 11, seconds: 2 }, async (programs, directory, rounds) => {
  for (const contender of both) {
    if ((await contender.version()) !== undefined) continue;
    throw new Error(`Cannot compare because ${contender.name} is not installed`);
  }
  const generators = await chooseGenerators(directory, cores.load);
  const options = { ...readArguments([]), ...rounds };
  const upstream = await startUpstream(programs, directory, cores.load);
  const rows: Row[] = [];
  for (const workload of workloads) {
    if (workload.name === 'memory') continue;
    const isGrpc = workload.protocol === 'grpc';
    const own = isGrpc ? await startGrpcUpstream(programs, cores.load) : upstream;
    rows.push(await compare({ options, programs, upstream: own, generators, directory }, workload));
    if (isGrpc) await programs.stop(own.program);
  }
  printTable(['', 'Breakwater µs', 'Envoy µs', 'Envoy needs x', 'least', 'most'], rows, false);
});
