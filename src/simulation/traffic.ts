/** When simulated callers call, and what for. */
import type { RouteConfig, UpstreamConfig } from '../config/config.js';
import type { Random } from '../core/clock.js';
import { needsOf } from '../core/layers.js';
import { RouteTable } from '../lib/path-tree.js';
import { policies } from '../policies/index.js';
import { exponential } from './chance.js';

export interface Arrival {
  readonly atMs: number;
  readonly method: string;
  /** Below the upstream's prefix. */
  readonly path: string;
  /** How long the upstream works on it, where that is known, in ms. */
  readonly serviceMs?: number | undefined;
}

/** In the order of their times. */
export type Traffic = Iterable<Arrival>;

/** A stretch of time, in ms. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A path that the pattern of the route matches. */
function exampleOf({ match: { methods, path = '/' } }: RouteConfig) {
  const segments = path
    .split('/')
    .map((each) => (each === '*' || each.startsWith(':') ? '1' : each));
  return { method: methods?.[0] ?? 'GET', path: segments.join('/') };
}

/** Callers that come by themselves, however many are waiting already (an open loop, Poisson arrivals): the upstream's own requests, and those of each route, in equal shares. */
export function* generateTraffic(
  { routes }: UpstreamConfig,
  perSecond: number,
  durationMs: number,
  random: Random,
): Traffic {
  const examples = [{ method: 'GET', path: '/' }, ...routes.map(exampleOf)];
  const gapMs = exponential(1000 / perSecond);
  for (let atMs = gapMs(random); atMs < durationMs; atMs += gapMs(random)) {
    yield { atMs, ...examples[Math.floor(random() * examples.length)]! };
  }
}

/**
 * The header fields of each request: who calls, and what the policies of its route ask all callers for.
 * @returns a new list each time, for a method and a path.
 */
export function callerFields({
  policies: own,
  routes,
}: UpstreamConfig): (method: string, path: string) => string[] {
  const table = new RouteTable(routes.map(({ match }) => match));
  const asked = [own, ...routes.map((route) => route.policies)].map(
    (settings) => needsOf(policies, settings).callerField,
  );
  const isAsked = asked.some((field) => field !== undefined);
  let count = 0;
  return (method, path) => {
    const fields = ['User-Agent', 'breakwater-simulate'];
    const field = isAsked ? asked[table.find(method, path) + 1] : undefined;
    if (field?.methods.includes(method) === true) fields.push(field.name, `call-${(count += 1)}`);
    return fields;
  };
}

/** Makes `times` requests of each one in the span. The others come in the time until the next one. */
export function* multiply(traffic: Traffic, { fromMs, toMs }: Span, times: number): Traffic {
  let previous: Arrival | undefined;
  for (const arrival of traffic) {
    if (previous !== undefined) yield* copies(previous, arrival.atMs);
    previous = arrival;
  }
  if (previous !== undefined) yield* copies(previous, previous.atMs);

  function* copies(arrival: Arrival, nextMs: number): Traffic {
    const isIn = arrival.atMs >= fromMs && arrival.atMs < toMs;
    const count = isIn ? times : 1;
    for (let i = 0; i < count; i += 1) {
      yield { ...arrival, atMs: arrival.atMs + (i * (nextMs - arrival.atMs)) / count };
    }
  }
}

/** Holds the requests of the span back: those of each `everyMs` go together, within the last `withinMs` of that time. */
export function* gather(
  traffic: Traffic,
  { fromMs, toMs }: Span,
  { everyMs, withinMs }: { readonly everyMs: number; readonly withinMs: number },
  random: Random,
): Traffic {
  let held: Arrival[] = [];
  let endMs = 0;
  /** Of the last part, which the end of the span may cut: a request does not come before its part begins. */
  let widthMs = withinMs;
  function* release(): Traffic {
    const offsets = held.map(() => random() * widthMs).toSorted((a, b) => b - a);
    const together = held.map((arrival, i) => ({ ...arrival, atMs: endMs - offsets[i]! }));
    held = [];
    yield* together;
  }
  for (const arrival of traffic) {
    const isIn = arrival.atMs >= fromMs && arrival.atMs < toMs;
    if (held.length > 0 && (!isIn || arrival.atMs >= endMs)) yield* release();
    if (!isIn) {
      yield arrival;
      continue;
    }
    const number = Math.floor((arrival.atMs - fromMs) / everyMs);
    const beginMs = fromMs + number * everyMs;
    endMs = Math.min(beginMs + everyMs, toMs);
    widthMs = Math.min(withinMs, endMs - beginMs);
    held.push(arrival);
  }
  yield* release();
}
