/** `GET /circuits`: all circuits. `PUT /circuits/NAME` and `PUT /circuits/NAME/ROUTE`: an operator overrides one. */
import type { FastifyRequest } from 'fastify';
import {
  circuitOf,
  type ForcedState,
  type InspectableCircuit,
  type Inspection,
} from '../../core/inspect.js';
import { peerOf } from '../access.js';
import type { AdminContext, AdminEndpoint } from '../endpoint.js';
import { parseOrder, type Order } from '../order.js';
import { AdminError } from '../problem.js';

const forcedStates = [
  'forced-open',
  'forced-closed',
  'auto',
] as const satisfies readonly ForcedState[];

function listCircuits(inspection: Inspection) {
  return inspection.scopes().flatMap((scope) => {
    const circuit = circuitOf(scope);
    return circuit === undefined ? [] : [describeCircuit(scope.upstream, scope.route, circuit)];
  });
}

function describeCircuit(upstream: string, route: string, circuit: InspectableCircuit) {
  const { sinceWallMs, isTold, retryAfterMs, ...snapshot } = circuit.snapshot();
  const { state, mode, consecutiveFailures, failureRate } = snapshot;
  return {
    upstream,
    route,
    state,
    mode,
    consecutiveFailures,
    failureRate,
    since: new Date(sinceWallMs).toISOString(),
    retryAfterMs,
    told: isTold,
  };
}

/** @returns the circuit as it is afterwards. @throws AdminError 404 for an unknown circuit. */
function forceCircuit(
  inspection: Inspection,
  upstream: string,
  route: string,
  order: Order<ForcedState>,
) {
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
  // `auto` overrides nothing, so it has no end.
  circuit.force(order.state, order.state === 'auto' ? undefined : order.ttlMs);
  return describeCircuit(upstream, route, circuit);
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
  const order = parseOrder(request.body, 'the circuit', forcedStates, parseDuration);
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
