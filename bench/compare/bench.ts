/** What all parts of the comparison share: who runs where, how a contender is started and asked. */
import { runGrpcGenerator, type Generators } from '../support/generators.js';
import { findFreePort, type Program, type Programs } from '../support/program.js';
import { cores } from '../support/hot-path.js';
import type { Upstream } from '../support/upstreams.js';
import type { Load, Saturation } from '../support/wrk.js';
import type { Options } from './arguments.js';
import type { Contender } from './contenders.js';
import { verify } from './verify.js';
import type { Workload } from './workloads.js';

const CONNECTIONS = 64;

/** What all parts of a measurement need. */
export interface Bench {
  readonly options: Options;
  readonly programs: Programs;
  readonly upstream: Upstream;
  readonly generators: Generators;
  /** For configuration files and scripts. */
  readonly directory: string;
}

export interface Running {
  readonly contender: Contender;
  readonly port: number;
  /** Undefined where no proxy stands between. */
  readonly program: Program | undefined;
  /** What it is asked: another workload than the one measured where it is there for comparison only. */
  readonly asked: Workload;
}

/** Starts a contender and checks its responses. */
export async function start(
  { programs, upstream, directory }: Bench,
  contender: Contender,
  asked: Workload,
): Promise<Running> {
  if (contender.prepare === undefined) {
    return { contender, port: upstream.port, program: undefined, asked };
  }
  const port = await findFreePort();
  const adminPort = await findFreePort();
  const setup = { port, adminPort, upstreamPort: upstream.port, workload: asked, directory };
  const command = contender.prepare(setup);
  const program = await programs.start(contender.name, { ...command, port, core: cores.proxy });
  await verify(contender, port, asked);
  return { contender, port, program, asked };
}

/** Farther than the load lasts, nearer than the default of `timeout.total`. */
const DEADLINE_SECONDS = 20;

export function loadOf(workload: Workload, seconds: number): Load {
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

/** As many requests as get a response. */
export const saturateWith = (
  { generators }: Bench,
  port: number,
  workload: Workload,
  seconds: number,
): Promise<Saturation> =>
  workload.protocol === 'grpc'
    ? runGrpcGenerator({ port, streams: CONNECTIONS, seconds, calls: undefined }, cores.load)
    : generators.saturate(port, loadOf(workload, seconds));
