/** `GET /circuits`: all circuits. `PUT /circuits/NAME` and `PUT /circuits/NAME/ROUTE`: an operator overrides one. */
import type { FastifyRequest } from 'fastify';
import {
  circuitOf,
  type ForcedState,
  type InspectableCircuit,
  type Inspection,
} from '../../core/inspect.js';
import { unitPatterns } from '../../core/options.js';
import { peerOf } from '../access.js';
import type { AdminContext, AdminEndpoint, ParseDuration } from '../endpoint.js';
import { AdminError } from '../problem.js';

interface Order {
  readonly state: ForcedState;
  /** Undefined: until the next change. */
  readonly ttlMs: number | undefined;
}

const forcedStates: readonly ForcedState[] = ['forced-open', 'forced-closed', 'auto'];

const durationPattern = new RegExp(unitPatterns.duration);

function listCircuits(inspection: Inspection) {
  return inspection.scopes().flatMap((scope) => {
    const circuit = circuitOf(scope);
    return circuit === undefined ? [] : [describeCircuit(scope.upstream, scope.route, circuit)];
  });
}

function describeCircuit(upstream: string, route: string, circuit: InspectableCircuit) {
  const { state, consecutiveFailures, failureRate, sinceWallMs, retryAfterMs } = circuit.snapshot();
  const since = new Date(sinceWallMs).toISOString();
  return { upstream, route, state, consecutiveFailures, failureRate, since, retryAfterMs };
}

/** @returns the circuit as it is afterwards. @throws AdminError 404 for an unknown circuit. */
function forceCircuit(inspection: Inspection, upstream: string, route: string, order: Order) {
  const owner = inspection
    .scopes()
    .find((scope) => scope.upstream === upstream && scope.route === route);
  const circuit = owner && circuitOf(owner);
  if (circuit === undefined) {
    const whose = route === '' ? upstream : `route ${route} of ${upstream}`;
    throw new AdminError(
      404,
      `Cannot set the circuit of ${whose} because it has none of its own; GET /circuits lists all`,
    );
  }
  circuit.force(order.state, order.ttlMs);
  return describeCircuit(upstream, route, circuit);
}

/** Reads a request's body. @throws AdminError 400 that says what is allowed. */
function parseOrder(body: unknown, parseDuration: ParseDuration): Order {
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
    throw invalidOrder(`ttl is ${JSON.stringify(ttl)}, which is not a duration above 0`);
  }
  // `auto` overrides nothing, so it has no end.
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

export function circuitsEndpoint({ inspection }: AdminContext): AdminEndpoint {
  return {
    method: 'GET',
    path: '/circuits',
    title: '/circuits',
    access: 'read',
    respond: () => ({ circuits: listCircuits(inspection) }),
  };
}

function setCircuit(request: FastifyRequest, { inspection, logger, parseDuration }: AdminContext) {
  const { name, route = '' } = request.params as { name: string; route?: string };
  const order = parseOrder(request.body, parseDuration);
  const circuit = forceCircuit(inspection, name, route, order);
  const peer = peerOf(request);
  logger.info(
    { peer, upstream: name, route, ...order },
    `circuit of ${route === '' ? name : `${name}/${route}`} was set to ${order.state} by ${peer}`,
  );
  return circuit;
}

export function circuitEndpoint(context: AdminContext): AdminEndpoint {
  return {
    method: 'PUT',
    path: '/circuits/:name',
    title: '/circuits/NAME',
    access: 'write',
    respond: (request) => setCircuit(request, context),
  };
}

export function routeCircuitEndpoint(context: AdminContext): AdminEndpoint {
  return {
    method: 'PUT',
    path: '/circuits/:name/:route',
    title: '/circuits/NAME/ROUTE',
    access: 'write',
    respond: (request) => setCircuit(request, context),
  };
}
