/** The measurement itself: per workload all contenders at once, taking turns under load. */
import { chooseGenerators } from '../support/generators.js';
import type { Programs } from '../support/program.js';
import { cores } from '../support/hot-path.js';
import { median } from '../support/statistics.js';
import { startGrpcUpstream, startUpstream } from '../support/upstreams.js';
import type { Options } from './arguments.js';
import { loadOf, saturateWith, start, type Bench, type Running } from './bench.js';
import { isFloor, type Contender } from './contenders.js';
import { measureMemory } from './memory.js';
import { report, type Memory, type Report, type Result } from './report.js';
import { workloads, type Workload } from './workloads.js';

const WARM_UP_SECONDS = 2;

interface Measured extends Running {
  readonly result: Result;
}

export async function compare(
  options: Options,
  programs: Programs,
  directory: string,
): Promise<void> {
  const upstream = await startUpstream(programs, directory, cores.load);
  const generators = await chooseGenerators(directory, cores.load);
  const bench: Bench = { options, programs, upstream, generators, directory };
  const versions = new Map<Contender, string>();
  for (const contender of options.contenders) {
    const version = await contender.version();
    if (version === undefined) console.error(`${contender.name} is not installed: left out`);
    else versions.set(contender, version);
  }
  const results: Result[] = [];
  const memory: Memory[] = [];
  for (const workload of options.workloads) {
    if (workload.name === 'memory') {
      for (const contender of versions.keys()) {
        if (contender.prepare === undefined) continue;
        try {
          memory.push(await measureMemory(bench, contender, workload));
        } catch (error) {
          // All that was measured before is worth a report.
          console.error(`Cannot measure the memory of ${contender.name}: ${String(error)}`);
        }
      }
    } else {
      const isGrpc = workload.protocol === 'grpc';
      const own = isGrpc
        ? { ...bench, upstream: await startGrpcUpstream(programs, cores.load) }
        : bench;
      results.push(...(await measure(own, [...versions.keys()], workload)));
      if (isGrpc) await programs.stop(own.upstream.program);
    }
  }
  const whole: Report = { versions, upstream, generators, results, memory };
  report(whole, options);
}

async function measure(
  bench: Bench,
  contenders: readonly Contender[],
  workload: Workload,
): Promise<readonly Result[]> {
  const running: Measured[] = [];
  for (const contender of contenders) {
    const asked = askedOf(contender, workload);
    if (asked === undefined) continue;
    const started = await start(bench, contender, asked);
    running.push({ ...started, result: emptyResult(contender, workload) });
  }
  for (const each of running) {
    await saturateWith(bench, each.port, each.asked, WARM_UP_SECONDS);
  }
  const { rounds } = bench.options;
  for (let round = 1; round <= rounds; round++) {
    for (const each of running) {
      await saturate(bench, each);
      const rate = Math.round(each.result.perSecond.at(-1)!);
      console.error(`${workload.name} ${round}/${rounds} ${each.contender.name}: ${rate}/s`);
    }
  }
  const floor = running.find(({ contender }) => isFloor(contender))!;
  const rate = bench.options.rate ?? Math.round(median(floor.result.perSecond) / 2);
  for (let round = 1; workload.hasLatency && round <= rounds; round++) {
    for (const each of running) {
      await pace(bench, each, rate);
      const p50 = each.result.p50.at(-1)!.toFixed(3);
      console.error(
        `${workload.name} ${round}/${rounds} ${each.contender.name}: p50 ${p50} ms at ${rate}/s`,
      );
    }
  }
  for (const { program } of running) {
    if (program !== undefined) await bench.programs.stop(program);
  }
  return running.map(({ result }) => result);
}

/** Undefined where it has no place in the workload. */
function askedOf(contender: Contender, workload: Workload): Workload | undefined {
  if (contender.unfit?.[workload.name] !== undefined) return undefined;
  if (workload.name !== 'open' || contender.opens !== 'never') return workload;
  // What an open circuit costs is told as a ratio to the least that a call costs.
  return contender.name === 'floor'
    ? workloads.find(({ name }) => name === 'small-get')
    : undefined;
}

const emptyResult = (contender: Contender, workload: Workload): Result => ({
  contender,
  workload,
  perSecond: [],
  perCpuSecond: [],
  proxyShare: [],
  loadShare: [],
  refusedShare: [],
  p50: [],
  p99: [],
  slipP99: [],
  rate: Number.NaN,
  keepsUp: true,
});

async function saturate(bench: Bench, each: Measured): Promise<void> {
  const { options, upstream } = bench;
  const { contender, port, program, asked, result } = each;
  const upstreamBefore = upstream.program.cpuSeconds();
  const cpuBefore = program?.cpuSeconds() ?? 0;
  const startedMs = performance.now();
  const load = await saturateWith(bench, port, asked, options.seconds);
  const elapsed = (performance.now() - startedMs) / 1000;
  const cpu = (program?.cpuSeconds() ?? 0) - cpuBefore;
  const upstreamShare = (upstream.program.cpuSeconds() - upstreamBefore) / elapsed;
  check(contender, asked, load);
  result.perSecond.push(load.perSecond);
  result.perCpuSecond.push(load.requests / cpu);
  result.proxyShare.push(cpu / elapsed);
  result.loadShare.push(load.generatorShare + upstreamShare);
  result.refusedShare.push(load.refused / load.requests);
}

/** Of the rate: the least share that a contender must complete to keep up. */
const KEPT_UP = 0.98;

async function pace({ options, generators }: Bench, each: Measured, rate: number): Promise<void> {
  const { contender, port, asked, result } = each;
  const load = await generators.pace(port, loadOf(asked, options.seconds), rate);
  check(contender, asked, load);
  result.p50.push(load.p50);
  result.p99.push(load.p99);
  result.slipP99.push(load.slipP99);
  result.rate = rate;
  if (load.perSecond < rate * KEPT_UP) result.keepsUp = false;
}

/** Retried or not, a share of failures beyond what the workload causes is the contender's own. */
const TOLERANCE = 0.02;
/** As much where it causes none, for a contender that loses a race now and then: the tables show it. */
const FEW_ERRORS = 0.001;

/** @throws Error where a figure would hide failures. */
function check(
  contender: Contender,
  workload: Workload,
  { requests, refused, broken }: { requests: number; refused: number; broken: number },
): void {
  const isOpen = workload.name === 'open';
  const expected = workload.failingShare ** (isOpen ? 1 : contender.attempts);
  const share = refused / requests;
  const tolerance = workload.failingShare === 0 ? FEW_ERRORS : TOLERANCE;
  if (Math.abs(share - expected) <= tolerance && broken === 0) return;
  throw new Error(
    `Cannot measure ${contender.name} with ${workload.name} because of ${requests} requests ${refused} got a response` +
      ` with an error and ${broken} broke; allowed is a share of ${expected.toFixed(3)} and none`,
  );
}
