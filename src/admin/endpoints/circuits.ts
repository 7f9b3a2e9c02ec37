/** Circuits as the admin server shows them, and the orders by which operators override them. */
import type { ForcedState, InspectableCircuit, Inspection } from '../../core/inspect.js';
import { unitPatterns } from '../../core/options.js';
import { AdminError } from '../problem.js';

/** @returns ms, for a text that has the notation of a duration. */
export type ParseDuration = (text: string) => number | undefined;

export interface Order {
  readonly state: ForcedState;
  /** Undefined: until told otherwise. */
  readonly ttlMs: number | undefined;
}

const forcedStates: readonly ForcedState[] = ['forced-open', 'forced-closed', 'auto'];

const durationPattern = new RegExp(unitPatterns.duration);

export function listCircuits(inspection: Inspection) {
  return inspection
    .scopes()
    .flatMap(({ upstream, route, circuit }) =>
      circuit === undefined ? [] : [describeCircuit(upstream, route, circuit)],
    );
}

function describeCircuit(upstream: string, route: string, circuit: InspectableCircuit) {
  const { state, consecutiveFailures, failureRate, sinceWallMs, retryAfterMs } = circuit.snapshot();
  const since = new Date(sinceWallMs).toISOString();
  return { upstream, route, state, consecutiveFailures, failureRate, since, retryAfterMs };
}

/** @returns the circuit as it is afterwards. @throws AdminError 404 for an unknown circuit. */
export function forceCircuit(
  inspection: Inspection,
  upstream: string,
  route: string,
  order: Order,
) {
  const circuit = inspection
    .scopes()
    .find((scope) => scope.upstream === upstream && scope.route === route)?.circuit;
  if (circuit === undefined) {
    const owner = route === '' ? upstream : `route ${route} of ${upstream}`;
    throw new AdminError(
      404,
      `Cannot set the circuit of ${owner} because it has none of its own; GET /circuits lists all`,
    );
  }
  circuit.force(order.state, order.ttlMs);
  return describeCircuit(upstream, route, circuit);
}

/** Reads a request's body. @throws AdminError 400 that says what is allowed. */
export function parseOrder(body: unknown, parseDuration: ParseDuration): Order {
  const order = parseObject(body);
  const unknown = Object.keys(order).find((key) => key !== 'state' && key !== 'ttl');
  if (unknown !== undefined) throw invalidOrder(`the key ${JSON.stringify(unknown)} is unknown`);
  const state = forcedStates.find((name) => name === order['state']);
  if (state === undefined) {
    const given =
      'state' in order ? `${JSON.stringify(order['state'])}, which is unknown` : 'missing';
    throw invalidOrder(`state is ${given}`);
  }
  const { ttl } = order;
  if (ttl === undefined) return { state, ttlMs: undefined };
  const ttlMs =
    typeof ttl === 'string' && durationPattern.test(ttl) ? parseDuration(ttl) : undefined;
  if (ttlMs === undefined || ttlMs <= 0) {
    throw invalidOrder(`ttl is ${JSON.stringify(ttl)}, which is no duration above 0`);
  }
  // Nothing is overridden, so nothing runs out.
  return { state, ttlMs: state === 'auto' ? undefined : ttlMs };
}

function parseObject(body: unknown): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(String(body));
  } catch {
    throw invalidOrder('the body is not JSON');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw invalidOrder('the body is not a JSON object');
  }
  return parsed as Record<string, unknown>;
}

function invalidOrder(why: string): AdminError {
  return new AdminError(
    400,
    `Cannot set the circuit because ${why}; allowed is {"state": "forced-open" | "forced-closed" | "auto", "ttl": "10m"}, ttl being optional`,
  );
}
