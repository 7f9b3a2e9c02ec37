/** `GET /upstreams`: each upstream with what its policies show. */
import { shadowedIn } from '../../core/inspect.js';
import type { AdminContext, AdminEndpoint } from '../endpoint.js';

function listUpstreams({ inspection, live }: AdminContext) {
  const own = new Map(
    inspection
      .scopes()
      .flatMap(({ upstream, route, layers }) => (route === '' ? [[upstream, layers]] : [])),
  );
  const lastErrors = live.lastErrors();
  return inspection.upstreams().map(({ name, target, endpoints }) => {
    const shown = inspection.policies.map((policy) =>
      policy.describe?.(own.get(name)?.[policy.name]),
    );
    return {
      name,
      target,
      ...Object.assign({}, ...shown),
      shadow: shadowedIn(own.get(name)),
      endpoints: endpoints.list(),
      lastError: lastErrors.get(name) ?? null,
    };
  });
}

export function upstreamsEndpoint(context: AdminContext): AdminEndpoint {
  return {
    method: 'GET',
    path: '/upstreams',
    title: '/upstreams',
    access: 'read',
    respond: () => ({ upstreams: listUpstreams(context) }),
  };
}
