/** `PUT /endpoints/NAME/ADDRESS`: an operator takes an endpoint out, or ends that. */
import type { EndpointSnapshot, Inspection } from '../../core/inspect.js';
import { peerOf } from '../access.js';
import type { AdminContext, AdminEndpoint } from '../endpoint.js';
import { parseOrder, type Order } from '../order.js';
import { AdminError } from '../problem.js';

const orderedStates = ['drained', 'auto'] as const;
type OrderedState = (typeof orderedStates)[number];

/** @returns the endpoint as it is afterwards. @throws AdminError 404 for an unknown one. */
function setEndpoint(
  inspection: Inspection,
  name: string,
  address: string,
  { state, ttlMs = Infinity }: Order<OrderedState>,
): EndpointSnapshot {
  const upstream = inspection.upstreams().find((each) => each.name === name);
  if (upstream === undefined) {
    throw new AdminError(
      404,
      `Cannot set an endpoint of ${name} because no upstream has that name`,
    );
  }
  const { endpoints } = upstream;
  const endpoint =
    state === 'drained' ? endpoints.drain(address, ttlMs) : endpoints.undrain(address);
  if (endpoint !== undefined) return endpoint;
  const known = endpoints.list().map((each) => each.address);
  const those = known.length === 0 ? 'it has none yet' : `it has ${known.slice(0, 10).join(', ')}`;
  throw new AdminError(404, `Cannot set endpoint ${address} of ${name} because ${those}`);
}

export function endpointEndpoint(context: AdminContext): AdminEndpoint {
  const { inspection, logger, parseDuration } = context;
  return {
    method: 'PUT',
    path: '/endpoints/:name/:address',
    title: '/endpoints/NAME/ADDRESS',
    access: 'write',
    respond(request) {
      const { name, address } = request.params as { name: string; address: string };
      const order = parseOrder(request.body, 'the endpoint', orderedStates, parseDuration);
      const endpoint = setEndpoint(inspection, name, address, order);
      const peer = peerOf(request);
      logger.info(
        { peer, upstream: name, endpoint: address, ...order },
        `endpoint ${address} of ${name} was set to ${order.state} by ${peer}`,
      );
      return endpoint;
    },
  };
}
