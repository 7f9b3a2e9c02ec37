/** All endpoints, in the order in which messages list them. */
import type { AdminContext, AdminEndpoint } from '../endpoint.js';
import { endpointEndpoint } from './endpoints.js';
import { circuitEndpoint, circuitsEndpoint, routeCircuitEndpoint } from './circuits.js';
import { configEndpoint } from './config.js';
import { eventsEndpoint } from './events.js';
import { healthzEndpoint } from './healthz.js';
import { metricsEndpoint } from './metrics.js';
import { readyzEndpoint } from './readyz.js';
import { reloadEndpoint } from './reload.js';
import { pageEndpoint, rootEndpoint } from './root.js';
import { explainEndpoint, upstreamEndpoint } from './upstream.js';
import { upstreamsEndpoint } from './upstreams.js';

const endpoints: readonly ((context: AdminContext) => AdminEndpoint)[] = [
  metricsEndpoint,
  healthzEndpoint,
  readyzEndpoint,
  circuitsEndpoint,
  upstreamsEndpoint,
  upstreamEndpoint,
  explainEndpoint,
  eventsEndpoint,
  configEndpoint,
  circuitEndpoint,
  routeCircuitEndpoint,
  endpointEndpoint,
  reloadEndpoint,
  pageEndpoint,
];

export function createEndpoints(context: AdminContext): readonly AdminEndpoint[] {
  const all: AdminEndpoint[] = [rootEndpoint(context, () => all)];
  all.push(...endpoints.map((create) => create(context)));
  return all;
}
