/** The measurement itself: per workload all contenders at once, taking turns under load. */
import { availableParallelism } from 'node:os';
import { findFreePort, type Program, type Programs } from '../support/program.js';
import { startUpstream } from '../support/upstreams.js';
import { saturateWithWrk, type Load } from '../support/wrk.js';
import type { Options } from './arguments.js';
import type { Contender } from './contenders.js';
import { printReport, type Result } from './report.js';
import { verify } from './verify.js';
import type { Workload } from './workloads.js';

const CONNECTIONS = 64;
const WARM_UP_SECONDS = 2;
const MEGABYTE = 1024 * 1024;

/** Who runs where: the proxy alone, and all that is not measured on the other. */
export const cores =
  availableParallelism() >= 2 ? { proxy: 1, load: 0 } : { proxy: undefined, load: undefined };

interface Running {
  readonly contender: Contender;
  readonly port: number;
  /** Undefined where no proxy stands between. */
  readonly program: Program | undefined;
  readonly result: Result;
}

export async function compare(
  options: Options,
  programs: Programs,
  directory: string,
): Promise<void> {
  const upstream = await startUpstream(programs, directory, cores.load);
  const installed: { contender: Contender; version: string }[] = [];
  for (const contender of options.contenders) {
    const version = await contender.version();
    if (version === undefined) console.error(`${contender.name} is not installed: left out`);
    else installed.push({ contender, version });
  }
  const results: Result[] = [];
  for (const workload of options.workloads) {
    const running: Running[] = [];
    for (const { contender, version } of installed) {
      if (workload.name === 'open' && contender.opens === 'never') continue;
      const started = await start(contender, version, workload, upstream.port, programs, directory);
      running.push(started);
      results.push(started.result);
    }
    await measure(running, workload, options, upstream.program, directory);
    for (const { program } of running) if (program !== undefined) await programs.stop(program);
  }
  await printReport(results, options);
}

async function start(
  contender: Contender,
  version: string,
  workload: Workload,
  upstreamPort: number,
  programs: Programs,
  directory: string,
): Promise<Running> {
  const result: Result = {
    contender,
    version,
    workload,
    perSecond: [],
    perCpuSecond: [],
    proxyShare: [],
    loadShare: [],
    refusedShare: [],
    rssMegabytes: Number.NaN,
  };
  if (contender.prepare === undefined) {
    return { contender, port: upstreamPort, program: undefined, result };
  }
  const port = await findFreePort();
  const adminPort = await findFreePort();
  const setup = { port, adminPort, upstreamPort, workload, directory };
  const command = contender.prepare(setup);
  const program = await programs.start(contender.name, { ...command, port, core: cores.proxy });
  await verify(contender, port, workload);
  return { contender, port, program, result };
}

async function measure(
  running: readonly Running[],
  workload: Workload,
  options: Options,
  upstream: Program,
  directory: string,
): Promise<void> {
  for (const each of running) {
    await saturateWithWrk(each.port, loadOf(workload, WARM_UP_SECONDS), cores.load, directory);
  }
  for (let round = 1; round <= options.rounds; round++) {
    for (const { contender, port, program, result } of running) {
      const upstreamBefore = upstream.cpuSeconds();
      const cpuBefore = program?.cpuSeconds() ?? 0;
      const startedMs = performance.now();
      const load = loadOf(workload, options.seconds);
      const saturation = await saturateWithWrk(port, load, cores.load, directory);
      const elapsed = (performance.now() - startedMs) / 1000;
      const cpu = (program?.cpuSeconds() ?? 0) - cpuBefore;
      const upstreamShare = (upstream.cpuSeconds() - upstreamBefore) / elapsed;
      check(contender, workload, saturation);
      result.perSecond.push(saturation.perSecond);
      result.perCpuSecond.push(saturation.requests / cpu);
      result.proxyShare.push(cpu / elapsed);
      result.loadShare.push(saturation.generatorShare + upstreamShare);
      result.refusedShare.push(saturation.refused / saturation.requests);
      if (program !== undefined) result.rssMegabytes = program.rssBytes() / MEGABYTE;
      console.error(
        `${workload.name} ${round}/${options.rounds} ${contender.name}: ${Math.round(saturation.perSecond)}/s`,
      );
    }
  }
}

/** Retried or not, a share of failures beyond what the workload causes is the contender's own. */
const TOLERANCE = 0.02;

/** @throws Error where a figure would hide failures. */
function check(
  contender: Contender,
  workload: Workload,
  { requests, refused, broken }: { requests: number; refused: number; broken: number },
): void {
  const expected = workload.failingShare[contender.retries ? 'retrying' : 'plain'];
  const share = refused / requests;
  const isExpected = expected === 0 ? refused === 0 : Math.abs(share - expected) <= TOLERANCE;
  if (isExpected && broken === 0) return;
  throw new Error(
    `Cannot measure ${contender.name} with ${workload.name} because of ${requests} requests ${refused} were answered` +
      ` with an error and ${broken} broke; allowed is a share of ${expected} and none`,
  );
}

/** Farther than the load lasts, nearer than the default of `timeout.total`. */
const DEADLINE_SECONDS = 20;

function loadOf(workload: Workload, seconds: number): Load {
  const deadline = (Date.now() / 1000 + seconds + DEADLINE_SECONDS).toFixed(3);
  return {
    method: workload.method,
    paths: workload.paths,
    bodyBytes: workload.bodyBytes,
    headers: workload.hasDeadline ? { 'X-Deadline': deadline } : {},
    connections: CONNECTIONS,
    seconds,
  };
}
