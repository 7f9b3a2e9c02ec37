/** Load from either generator: wrk where there is one, for it costs least, otherwise our own; at a fixed rate always our own. */
import type { GrpcLoadOptions } from './grpc-load.js';
import { output, pinned } from './program.js';
import type { LoadOptions, LoadReport } from './load.js';
import type { ScrapeOptions, ScrapeReport } from './scrape.js';
import { scriptPath } from './upstreams.js';
import { saturateWithWrk, type Load, type Saturation } from './wrk.js';

export interface Generators {
  /** For the head of a report. */
  readonly description: string;
  /** As many requests as get a response. */
  saturate(port: number, load: Load): Promise<Saturation>;
  /** As many requests as `rate` says, per second. */
  pace(port: number, load: Load, rate: number): Promise<LoadReport>;
}

/** @param directory takes scripts. */
export async function chooseGenerators(
  directory: string,
  core: number | undefined,
): Promise<Generators> {
  const wrk = /^wrk (\S+)/.exec((await output('wrk', '-v')) ?? '')?.[1];
  return {
    description: wrk === undefined ? 'the generator in bench/support' : `wrk ${wrk}`,
    saturate: (port, load) =>
      wrk === undefined
        ? runOwnGenerator({ ...load, port, rate: undefined }, core)
        : saturateWithWrk(port, load, core, directory),
    pace: (port, load, rate) => runOwnGenerator({ ...load, port, rate }, core),
  };
}

/** @throws Error with what the generator had to say instead of figures. */
export const runOwnGenerator = (
  options: LoadOptions,
  core: number | undefined,
): Promise<LoadReport> => run<LoadReport>('load.js', options, core);

/** @throws Error with what the generator had to say instead of figures. */
export const runGrpcGenerator = (
  options: GrpcLoadOptions,
  core: number | undefined,
): Promise<Saturation> => run<Saturation>('grpc-load.js', options, core);

/** @throws Error with what the scrapers had to say instead of figures. */
export const runScrapers = (
  options: ScrapeOptions,
  core: number | undefined,
): Promise<ScrapeReport> => run<ScrapeReport>('scrape.js', options, core);

async function run<Report>(
  script: string,
  options: object,
  core: number | undefined,
): Promise<Report> {
  const [command, ...args] = [
    ...pinned(core),
    process.execPath,
    scriptPath(script),
    JSON.stringify(options),
  ];
  const text = (await output(command!, ...args)) ?? '';
  try {
    return JSON.parse(text) as Report;
  } catch {
    throw new Error(`Cannot measure because the load generator ended with:\n${text}`);
  }
}
