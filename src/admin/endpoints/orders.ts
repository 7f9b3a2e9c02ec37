/**
 * `PUT /PATH/NAME` and `PUT /PATH/NAME/ROUTE`: an operator replaces the settings of a policy for a time, or ends that.
 * `GET /PATH`: those in force. For each policy that allows it.
 */
import type { FastifyRequest } from 'fastify';
import type { Inspection } from '../../core/inspect.js';
import type { AnyPolicy } from '../../core/policy.js';
import { peerOf } from '../access.js';
import type { AdminContext, AdminEndpoint } from '../endpoint.js';
import { parseSettingsOrder } from '../order.js';
import { AdminError } from '../problem.js';

/** Longest that settings may be replaced, in ms: an order that is forgotten must end by itself. */
const MAX_TTL_MS = 3_600_000;

/** What the policy shows of each scope that has settings of its own in force. */
function listSettings(inspection: Inspection, policy: AnyPolicy) {
  return inspection.scopes().flatMap(({ upstream, route, layers }) => {
    const layer = layers[policy.name];
    return layer === undefined ? [] : [{ upstream, route, ...policy.describe?.(layer) }];
  });
}

/** Settings that are valid, and that do something. */
function readMeant(
  value: unknown,
  { name, orders }: AnyPolicy,
  context: AdminContext,
): ReturnType<AdminContext['readSettings']> {
  const read = context.readSettings(name, value);
  if ('problem' in read) return read;
  const problem = orders?.objection?.(read.settings);
  return problem === undefined ? read : { problem };
}

function setSettings(request: FastifyRequest, policy: AnyPolicy, context: AdminContext) {
  const { name: upstream, route = '' } = request.params as { name: string; route?: string };
  const { inspection, logger, orderSettings } = context;
  const subject = `the ${policy.name}`;
  const whose = route === '' ? upstream : `${upstream}/${route}`;
  const { settings, ttlMs, reason, written } = parseSettingsOrder(request.body, {
    subject,
    key: policy.name,
    maxTtlMs: MAX_TTL_MS,
    parseDuration: context.parseDuration,
    readSettings: (value) => readMeant(value, policy, context),
  });
  const missing = orderSettings({ policy: policy.name, upstream, route, settings, forMs: ttlMs });
  if (missing !== undefined) {
    const why =
      missing === 'upstream'
        ? 'no upstream has that name'
        : `${upstream} has no route of that name`;
    throw new AdminError(404, `Cannot set ${subject} of ${whose} because ${why}`);
  }
  const peer = peerOf(request);
  const what = settings === undefined ? 'that of the file' : JSON.stringify(written);
  logger.info(
    {
      peer,
      upstream,
      route,
      [policy.name]: written,
      ...(settings !== undefined && { ttlMs }),
      reason,
    },
    `${policy.name} of ${whose} was set to ${what} by ${peer}`,
  );
  const scope = inspection
    .scopes()
    .find((each) => each.upstream === upstream && each.route === route);
  return { upstream, route, ...policy.describe?.(scope?.layers[policy.name]) };
}

/** The endpoints of one policy. */
export function orderEndpoints(policy: AnyPolicy, path: string, context: AdminContext) {
  const respond = (request: FastifyRequest) => setSettings(request, policy, context);
  const write = { method: 'PUT', access: 'write', respond } as const;
  const endpoints: readonly AdminEndpoint[] = [
    {
      method: 'GET',
      path: `/${path}`,
      title: `/${path}`,
      access: 'read',
      respond: () => ({ [path]: listSettings(context.inspection, policy) }),
    },
    { ...write, path: `/${path}/:name`, title: `/${path}/NAME` },
    { ...write, path: `/${path}/:name/:route`, title: `/${path}/NAME/ROUTE` },
  ];
  return endpoints;
}
