/** All endpoints, in the order in which messages list them. */
import type { AdminContext, AdminEndpoint } from '../endpoint.js';
import { endpointEndpoint } from './endpoints.js';
import { circuitEndpoint, circuitsEndpoint, routeCircuitEndpoint } from './circuits.js';
import { configEndpoint } from './config.js';
import { healthzEndpoint } from './healthz.js';
import { metricsEndpoint } from './metrics.js';
import { readyzEndpoint } from './readyz.js';
import { reloadEndpoint } from './reload.js';
import { upstreamsEndpoint } from './upstreams.js';

const endpoints: readonly ((context: AdminContext) => AdminEndpoint)[] = [
  metricsEndpoint,
  healthzEndpoint,
  readyzEndpoint,
  circuitsEndpoint,
  upstreamsEndpoint,
  configEndpoint,
  circuitEndpoint,
  routeCircuitEndpoint,
  endpointEndpoint,
  reloadEndpoint,
];

export const createEndpoints = (context: AdminContext): readonly AdminEndpoint[] =>
  endpoints.map((create) => create(context));
