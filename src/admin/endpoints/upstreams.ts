/** `GET /upstreams`: each upstream with what its policies show. */
import { shadowedIn, type InspectableUpstream, type Inspection } from '../../core/inspect.js';
import type { AdminContext, AdminEndpoint } from '../endpoint.js';

const showError = (error: InspectableUpstream['lastError']) =>
  error === undefined
    ? null
    : { message: error.message, at: new Date(error.atWallMs).toISOString() };

function listUpstreams(inspection: Inspection) {
  const own = new Map(
    inspection
      .scopes()
      .flatMap(({ upstream, route, layers }) => (route === '' ? [[upstream, layers]] : [])),
  );
  return inspection.upstreams().map(({ name, target, endpoints, lastError }) => {
    const shown = inspection.policies.map((policy) =>
      policy.describe?.(own.get(name)?.[policy.name]),
    );
    return {
      name,
      target,
      ...Object.assign({}, ...shown),
      shadow: shadowedIn(own.get(name)),
      endpoints: endpoints.list(),
      lastError: showError(lastError),
    };
  });
}

export function upstreamsEndpoint({ inspection }: AdminContext): AdminEndpoint {
  return {
    method: 'GET',
    path: '/upstreams',
    title: '/upstreams',
    access: 'read',
    respond: () => ({ upstreams: listUpstreams(inspection) }),
  };
}
