/** `breakwater simulate`: what the policies of a file do to the calls of an upstream when something happens to it. */
import type { Config, UpstreamConfig } from '../config/config.js';
import { unknownUpstream } from '../config/explain.js';
import { formatDiagnostics } from '../config/syntax/diagnostics.js';
import { listLeftOut } from '../simulation/left-out.js';
import { seconds } from '../simulation/picture.js';
import { formatJson, formatText } from '../simulation/report.js';
import { phasesOf, simulate as play, type SimulatedFile } from '../simulation/run.js';
import type { ScenarioName } from '../simulation/scenario-names.js';
import { CannotSimulate, scenarioOf, type Scenario } from '../simulation/scenarios.js';
import { loadInput } from './load-input.js';
import { nameInput, type Output } from './output.js';
import { openSource, type Callers } from './simulate-callers.js';
import { readNumbers, type NumberOptions } from './simulate-numbers.js';

export interface SimulateOptions extends NumberOptions {
  readonly upstream: string;
  readonly scenario: ScenarioName;
  /** Our own access log, whose requests are replayed. */
  readonly requests?: string | undefined;
  /** Another file, for the same upstream. */
  readonly against?: string | undefined;
  readonly format: 'text' | 'json';
}

/** @returns the exit code: 1 where there is nothing to simulate. */
export async function simulate(
  file: string,
  options: SimulateOptions,
  output: Output,
): Promise<number> {
  try {
    output.stdout.write(await report(file, options, output));
    return 0;
  } catch (error) {
    if (!(error instanceof CannotSimulate)) throw error;
    if (error.message !== '') output.stderr.write(`breakwater: error: ${error.message}\n`);
    return 1;
  }
}

async function report(file: string, options: SimulateOptions, output: Output): Promise<string> {
  const { upstream, format } = options;
  const numbers = readNumbers(options);
  const scenario = scenarioOf(options.scenario);
  const configs = [file, ...(options.against === undefined ? [] : [options.against])].map((each) =>
    open(each, upstream, output),
  );
  const callers = openSource(upstream, options.requests, numbers);
  for (const warning of callers.warnings) output.stderr.write(`breakwater: warning: ${warning}\n`);
  const files: SimulatedFile[] = [];
  for (const { config } of configs) {
    const { source, model } = callers;
    files.push(await play(config, { upstream, scenario, seed: numbers.seed, source, model }));
  }
  const found = { upstream, scenario: scenario.name, seed: numbers.seed, files };
  const addresses = scenario.addressesPerName ?? 1;
  const notes = configs.flatMap((each) => listLeftOut(each.config, each.upstream, addresses));
  const leftOut = [...new Set(notes)];
  if (format === 'text') {
    return formatText(found, introduce(found, scenario, callers), leftOut);
  }
  for (const note of leftOut) output.stderr.write(`breakwater: not simulated: ${note}\n`);
  return formatJson(found);
}

/** @throws CannotSimulate; the diagnostics have been written then. */
function open(
  file: string,
  name: string,
  output: Output,
): { readonly config: Config; readonly upstream: UpstreamConfig } {
  const { config, diagnostics } = loadInput(file, output);
  output.stderr.write(formatDiagnostics(diagnostics));
  if (config === undefined) throw new CannotSimulate('');
  const upstream = config.upstreams.find((each) => each.name === name);
  if (upstream === undefined) {
    const why = unknownUpstream(name, config.upstreams);
    throw new CannotSimulate(`Cannot simulate ${nameInput(file)} because ${why}`);
  }
  return { config, upstream };
}

function introduce(
  { upstream, seed, files }: { upstream: string; seed: number; files: readonly SimulatedFile[] },
  scenario: Scenario,
  { what, model, source }: Callers,
): string[] {
  const { name, what: happens } = scenario;
  const phase = phasesOf(scenario, source.durationMs).find((each) => each.name === name)!;
  const { endpoints, capacity } = files[0]!;
  const rate = Number(capacity.toFixed(1));
  return [
    `${upstream} of ${files.map(({ file }) => file).join(' and ')}, seed ${seed}`,
    `${name}, ${seconds(phase.fromMs)} to ${seconds(phase.toMs)}: ${happens}`,
    `calls: ${what}`,
    `upstream: ${Number(model.latencyMs.toFixed(1))} ms per request, ${rate} requests/s at most, ${endpoints === 1 ? '1 endpoint' : `${endpoints} endpoints`}`,
    '',
  ];
}
