/** All endpoints, in the order in which messages list them. */
import type { AdminContext, AdminEndpoint } from '../endpoint.js';
import { endpointEndpoint } from './endpoints.js';
import { circuitEndpoint, circuitsEndpoint, routeCircuitEndpoint } from './circuits.js';
import { configEndpoint } from './config.js';
import { eventsEndpoint } from './events.js';
import { healthzEndpoint } from './healthz.js';
import { metricsEndpoint } from './metrics.js';
import { orderEndpoints } from './orders.js';
import { readyzEndpoint } from './readyz.js';
import { reloadEndpoint } from './reload.js';
import { pageEndpoint, rootEndpoint } from './root.js';
import { explainEndpoint, upstreamEndpoint } from './upstream.js';
import { upstreamsEndpoint } from './upstreams.js';

type CreateEndpoint = (context: AdminContext) => AdminEndpoint;

const endpoints: readonly CreateEndpoint[] = [
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
];

const lastEndpoints: readonly CreateEndpoint[] = [reloadEndpoint, pageEndpoint];

/** Those of the policies whose settings operators may replace. */
const ofPolicies = (context: AdminContext) =>
  context.inspection.policies.flatMap((policy) =>
    policy.orders === undefined ? [] : orderEndpoints(policy, policy.orders.path, context),
  );

/** What scrapers and probes need: it shows no configuration, and changes nothing. */
export const createObservingEndpoints = (context: AdminContext): readonly AdminEndpoint[] => [
  metricsEndpoint(context),
  healthzEndpoint(),
  readyzEndpoint(context),
];

export function createEndpoints(context: AdminContext): readonly AdminEndpoint[] {
  const create = (each: CreateEndpoint) => each(context);
  const all: AdminEndpoint[] = [rootEndpoint(context, () => all)];
  all.push(...endpoints.map(create), ...ofPolicies(context), ...lastEndpoints.map(create));
  return all;
}
