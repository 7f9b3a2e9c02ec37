/** Runs a real upstream of one server between simulated callers and a simulated server, in simulated time. */
import type { CallError } from '../../src/core/errors.js';
import type { Event } from '../../src/core/events.js';
import type { Clock } from '../../src/core/clock.js';
import type { PolicyLayers } from '../../src/policies/index.js';
import { seeded } from '../../src/simulation/chance.js';
import {
  ModelServer,
  type ServerCounts,
  type ServerModel,
} from '../../src/simulation/model-server.js';
import { SimulatedProxy } from '../../src/simulation/proxy.js';
import { VirtualClock } from '../../src/simulation/virtual-clock.js';
import { keepCalling, type Callers, type Door, type Send } from './callers.js';
import { readConfig, UPSTREAM } from './environment.js';
import { Recorder, type Phase } from './recorder.js';

/** A line of a table: its columns by their headings. */
export type Row = Readonly<Record<string, string | number>>;

/** One of those that `npm run simulate` knows. */
export interface Simulation {
  readonly name: string;
  /** What is looked at, in a sentence. */
  readonly what: string;
  run(): Promise<readonly Row[]>;
}

/** What the process around the policies does to calls. */
export interface Process extends Door {
  /** Why the call that is taken in now is refused. */
  refuse(): CallError | undefined;
}

export interface Scenario {
  readonly seed: number;
  /** In the file's notation: what an upstream says of its policies. What is not written has its default. */
  readonly policies: Readonly<Record<string, unknown>>;
  readonly upstream: ServerModel;
  /** What happens to the upstream, and when. */
  readonly changes?: readonly { readonly atMs: number; readonly to: Partial<ServerModel> }[];
  readonly callers: readonly Callers[];
  readonly phases: readonly Phase[];
  /** A figure to follow, looked at ten times a second. */
  readonly watch?: (layers: PolicyLayers) => number;
  /** A process that costs time; without it, its work costs none. @param random for what it draws. */
  readonly process?: (clock: Clock, random: () => number) => Process;
  /** Called with each event of the upstream. */
  readonly onEvent?: (event: Event, nowMs: number) => void;
}

export interface PhaseResult {
  readonly name: string;
  readonly seconds: number;
  readonly calls: ReturnType<Recorder['ofAll']>;
  callsOf(caller: string): ReturnType<Recorder['ofCaller']>;
  readonly upstream: ServerCounts;
  /** What `watch` gave, in order. */
  readonly watched: readonly number[];
}

const WATCH_MS = 100;

/** The same scenario gives the same result, to the last digit. */
export async function simulate(scenario: Scenario): Promise<readonly PhaseResult[]> {
  const { seed, callers, phases, changes = [], watch, onEvent } = scenario;
  const clock = new VirtualClock();
  // Chance of their own: what policies draw must not change who comes when, or what a response costs.
  const server = new ModelServer(scenario.upstream, clock, seeded(seed + 1));
  const process = scenario.process?.(clock, seeded(seed + 2));
  const proxy = new SimulatedProxy(
    readConfig({ target: 'http://127.0.0.1:1', ...scenario.policies }),
    {
      clock,
      seed,
      lookup: async () => [],
      serverAt: () => server,
      sink: { scope: () => (event) => onEvent?.(event, clock.now()) },
      ...(process === undefined ? {} : { refuse: () => process.refuse() }),
    },
  );
  const recorder = new Recorder(phases);
  const send: Send = (request, onResponse) => proxy.send(UPSTREAM, request, onResponse);
  for (const [i, each] of callers.entries()) {
    keepCalling(each, send, clock, recorder, seeded(seed + 1000 * (i + 1)), process);
  }
  for (const { atMs, to } of changes) clock.schedule(atMs, () => server.change(to));

  const layers = proxy.scopes()[0]!.layers as PolicyLayers;
  const watched: number[][] = phases.map(() => []);
  const results: PhaseResult[] = [];
  for (const [i, { name, fromMs, toMs }] of phases.entries()) {
    await clock.run(fromMs);
    const before = server.counts();
    for (let atMs = fromMs + WATCH_MS; atMs <= toMs; atMs += WATCH_MS) {
      await clock.run(atMs);
      if (watch !== undefined) watched[i]!.push(watch(layers));
    }
    results.push({
      name,
      seconds: (toMs - fromMs) / 1000,
      calls: recorder.ofAll(i),
      callsOf: (caller) => recorder.ofCaller(i, caller),
      upstream: difference(server.counts(), before),
      watched: watched[i]!,
    });
  }
  // Calls that began in the last phase belong to it however long they take.
  await clock.run(clock.now() + Math.max(...callers.map(({ patienceMs }) => patienceMs)));
  return results;
}

function difference(after: ServerCounts, before: ServerCounts): ServerCounts {
  return {
    attempts: after.attempts - before.attempts,
    deadAttempts: after.deadAttempts - before.deadAttempts,
    workMs: after.workMs - before.workMs,
    wastedMs: after.wastedMs - before.wastedMs,
    overloadedMs: after.overloadedMs - before.overloadedMs,
  };
}

const round = (value: number) => (Number.isNaN(value) ? '-' : Number(value.toFixed(1)));
const percent = (share: number) => `${(share * 100).toFixed(0)}%`;

/** The columns that most tables want. */
export function describePhase(result: PhaseResult): Row {
  const { name, seconds, calls, upstream, watched } = result;
  return {
    phase: name,
    'offered/s': round(calls.offeredPerSecond),
    'goodput/s': round(calls.goodput),
    'p50 ms': round(calls.latencyMs(0.5)),
    'p99 ms': round(calls.latencyMs(0.99)),
    'rejected/s': round(calls.rejectedPerSecond),
    'failed/s': round(calls.failedPerSecond),
    'wasted work': percent(upstream.workMs === 0 ? 0 : upstream.wastedMs / upstream.workMs),
    'upstream overloaded': percent(upstream.overloadedMs / 1000 / seconds),
    ...(watched.length === 0
      ? {}
      : { watched: `${round(Math.min(...watched))}..${round(Math.max(...watched))}` }),
  };
}

const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;

/** @returns a Markdown table with the columns of the first row. */
export function formatTable(rows: readonly Row[]): string {
  const headings = Object.keys(rows[0] ?? {});
  return [
    line(headings),
    `|${headings.map(() => '---').join('|')}|`,
    ...rows.map((row) => line(headings.map((heading) => row[heading] ?? ''))),
  ].join('\n');
}
