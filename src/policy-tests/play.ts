/** Plays a case: the real proxy on virtual time, its requests, and an upstream that follows a script. */
import { isAttemptFinished, type ExchangeFinished, type ExchangeSummary } from '../core/events.js';
import { circuitOf } from '../core/inspect.js';
import { firstValue } from '../http/fields.js';
import type { CallerResponse } from '../simulation/caller.js';
import { SimulatedNames } from '../simulation/model-fleet.js';
import { SimulatedProxy } from '../simulation/proxy.js';
import { ScriptedServer } from '../simulation/scripted-server.js';
import { VirtualClock } from '../simulation/virtual-clock.js';
import type { TestCase } from './test-case.js';

export interface Responded {
  readonly response: CallerResponse;
  /** From the request to the end of its response. */
  readonly durationMs: number;
  readonly summary: ExchangeSummary | undefined;
}

/** Something that happened, for the reader of a failure. */
export interface Happening {
  readonly atMs: number;
  readonly text: string;
}

export interface Played {
  /** For each request; undefined where no response came. */
  readonly responses: readonly (Responded | undefined)[];
  readonly upstreamCalls: number;
  /** Of the last request; undefined where it has none. */
  readonly circuit: string | undefined;
  readonly course: readonly Happening[];
}

/** Chance is the same in each run. */
const SEED = 1;

/** A response that takes longer than this after the last request does not come. */
const PATIENCE_MS = 3_600_000;
const LOOK_MS = 1000;

const OK = [{ kind: 'respond', delayMs: 0, response: { status: 200 } }] as const;

/** The same case has the same course each time. */
export async function play(test: TestCase): Promise<Played> {
  const { config, upstream, scripts, requests } = test;
  const clock = new VirtualClock();
  const course: Happening[] = [];
  const tell = (text: string) => course.push({ atMs: clock.now(), text });
  const servers = new Map(
    config.upstreams.map(({ name }) => [name, new ScriptedServer(scripts.get(name) ?? OK, clock)]),
  );
  const summaries = new Map<string, ExchangeSummary[]>();
  const names = new SimulatedNames(1);
  const proxy = new SimulatedProxy(config, {
    clock,
    seed: SEED,
    lookup: names.lookup,
    serverAt: (place) => servers.get(place.upstream)!,
    sink: {
      scope: (name) => (event) => {
        if (event.type === 'exchange-finished') {
          const { summary } = event as ExchangeFinished;
          const same = summaries.get(summary.requestId) ?? [];
          summaries.set(summary.requestId, [...same, summary]);
        } else if (isAttemptFinished(event)) {
          tell(`${name}: ${event.result.replaceAll('-', ' ')}`);
        }
      },
    },
  });
  const circuitNow = () => {
    const { method, target } = requests.at(-1)!;
    return stateOf(proxy, upstream, proxy.routeOf(upstream, method, target));
  };

  const arrived: ({ response: CallerResponse; durationMs: number } | undefined)[] = [];
  let waiting = requests.length;
  let circuit: string | undefined;
  for (const [i, request] of requests.entries()) {
    arrived.push(undefined);
    clock.schedule(request.atMs, () => {
      tell(`request ${i + 1}: ${request.method} ${request.target}`);
      proxy.send(upstream, request, (response) => {
        arrived[i] = { response, durationMs: clock.now() - request.atMs };
        tell(`response ${i + 1}: ${describe(response)}`);
        waiting -= 1;
        // Once all that follows at this instant is done.
        if (waiting === 0) clock.schedule(0, () => (circuit = circuitNow()));
      });
    });
  }
  const lastMs = requests.at(-1)!.atMs;
  const isWaiting = () => waiting > 0;
  while (isWaiting() && clock.now() < lastMs + PATIENCE_MS) await clock.run(clock.now() + LOOK_MS);
  if (isWaiting()) circuit = circuitNow();
  proxy.hangUpAll();
  await clock.run(clock.now());
  const responses = arrived.map((each): Responded | undefined => {
    if (each === undefined) return undefined;
    const id = firstValue(each.response.fields, 'x-request-id') ?? '';
    return { ...each, summary: summaries.get(id)?.shift() };
  });
  return { responses, upstreamCalls: servers.get(upstream)!.calls, circuit, course };
}

function describe({ status, fields, isBroken }: CallerResponse): string {
  const reason = firstValue(fields, 'x-breakwater-reason');
  return `${status}${reason === undefined ? '' : ` ${reason}`}${isBroken ? ', cut off' : ''}`;
}

/** Of the route where it has a circuit of its own, else of the upstream. */
function stateOf(proxy: SimulatedProxy, upstream: string, route: string): string | undefined {
  for (const name of [route, '']) {
    const scope = proxy.scopes().find((each) => each.upstream === upstream && each.route === name);
    const circuit = scope && circuitOf(scope);
    if (circuit !== undefined) return circuit.snapshot().state;
  }
  return undefined;
}
