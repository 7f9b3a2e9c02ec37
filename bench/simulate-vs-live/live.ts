/** Plays a scenario with real sockets: real callers, the real proxy in its own process, and a server that follows the model. */
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../src/config/config.js';
import { loadText } from '../../src/config/load.js';
import { formatDiagnostics } from '../../src/config/syntax/diagnostics.js';
import { CallError, coreReasons } from '../../src/core/errors.js';
import type { ExchangeSummary } from '../../src/core/events.js';
import type { PolicyList } from '../../src/core/policy.js';
import { createSystemClock } from '../../src/platform/system-clock.js';
import { policies } from '../../src/policies/index.js';
import { seeded } from '../../src/simulation/chance.js';
import { Figures } from '../../src/simulation/figures.js';
import type { ModelServer } from '../../src/simulation/model-server.js';
import { ModelFleet, SimulatedNames } from '../../src/simulation/model-fleet.js';
import { phasesOf, serverModelOf, type SimulationOptions } from '../../src/simulation/run.js';
import type { Arrival } from '../../src/simulation/traffic.js';
import { LiveServer } from './live-server.js';
import { Sidecar, type LoggedCall } from './sidecar.js';

/** Calls may end this long after the last one has come, in ms. */
const PATIENCE_MS = 40_000;

const all: PolicyList = policies;
const declared = new Map(
  [...Object.values(coreReasons), ...all.flatMap(({ reasons = {} }) => Object.values(reasons))].map(
    (reason) => [reason.name, reason],
  ),
);

/** What the figures read of an exchange. */
function summaryOf({ status, reason, attempts, durationMs, fallback }: LoggedCall) {
  const isSubstitute = fallback !== undefined;
  const error =
    reason === '' || isSubstitute ? undefined : new CallError(declared.get(reason)!, reason);
  const substitution = isSubstitute ? { source: fallback, reason, cause: '' } : undefined;
  const summary = { status, reason, attempts, durationMs, error, substitution, shadow: [] };
  return summary as Pick<ExchangeSummary, keyof typeof summary> as ExchangeSummary;
}

function load(text: string): Config {
  const { config, diagnostics } = loadText(text, 'live.yaml', {});
  if (config === undefined) throw new Error(formatDiagnostics(diagnostics));
  return config;
}

/** Sends one request; resolves when its response has ended, or broken off. */
function call(
  agent: http.Agent,
  port: number,
  { method, path }: Arrival,
  id: string,
): Promise<void> {
  return new Promise((resolve) => {
    const headers = { 'X-Request-Id': id };
    const request = http.request({ agent, port, host: '127.0.0.1', method, path, headers });
    request.on('response', (response) => response.resume());
    request.on('error', () => {});
    request.on('close', () => resolve());
    request.end();
  });
}

export interface Live {
  readonly figures: Figures;
  /** The median of what the server itself took in the phase before the fault. */
  readonly serverMs: number;
}

const medianOf = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** @param textWith the configuration file, with the port of the upstream in it. */
export async function playLive(
  textWith: (port: number) => string,
  options: SimulationOptions,
): Promise<Live> {
  const { upstream: name, scenario, seed, source, model } = options;
  const clock = createSystemClock();
  const phases = phasesOf(scenario, source.durationMs);
  const figures = new Figures(phases, 1);
  // The model needs no port.
  const upstream = load(textWith(1)).upstreams.find((each) => each.name === name)!;
  const fleet = new ModelFleet(
    upstream,
    new SimulatedNames(1),
    (servers) => serverModelOf(model, servers),
    clock,
    seeded(seed + 1),
  );
  const [modelServer] = fleet.servers as [ModelServer];
  let startMs = clock.now();
  const tookMs: number[] = [];
  const server = new LiveServer(modelServer, () => {
    const nowMs = clock.now();
    figures.addAttempt(nowMs - startMs);
    const isBefore = nowMs - startMs < phases[0]!.toMs;
    return () => {
      if (isBefore) tookMs.push(clock.now() - nowMs);
    };
  });
  await server.open();
  const sidecar = new Sidecar(textWith(server.port));
  const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity });
  try {
    const port = await sidecar.start(name);
    startMs = clock.now() + 500;
    const at = (ms: number) => startMs + ms - clock.now();
    const fault = phases[1]!;
    clock.schedule(at(fault.fromMs), () => {
      scenario.begin?.(fleet, upstream);
      if (modelServer.condition === 'refusing') server.close();
    });
    clock.schedule(at(fault.toMs), () => {
      void server.reopen().then(() => scenario.end?.(fleet));
    });
    const traffic = source.open(upstream);
    const shaped = scenario.shape?.(traffic, fault, seeded(seed + 3)) ?? traffic;
    const arrivals = [...shaped].filter(({ atMs }) => atMs < source.durationMs);
    const calls = arrivals.map(
      (arrival, i) =>
        new Promise<void>((resolve) => {
          clock.schedule(at(arrival.atMs), () => {
            void call(agent, port, arrival, String(i)).then(resolve);
          });
        }),
    );
    await Promise.race([Promise.all(calls), sleep(source.durationMs + PATIENCE_MS)]);
    await sidecar.stop();
    for (const logged of sidecar.calls) {
      const { atMs } = arrivals[Number(logged.requestId)]!;
      figures.addCall(summaryOf(logged), atMs + logged.durationMs);
    }
    return { figures, serverMs: medianOf(tookMs) };
  } finally {
    agent.destroy();
    server.destroy();
    await sidecar.stop();
  }
}
