/** `GET /upstreams/NAME`: all that is known of one upstream. `GET /explain/NAME`: its policy in force. */
import type { AdminContext, AdminEndpoint } from '../endpoint.js';
import { AdminError } from '../problem.js';

export function upstreamEndpoint({ live }: AdminContext): AdminEndpoint {
  return {
    method: 'GET',
    path: '/upstreams/:name',
    title: '/upstreams/NAME',
    access: 'read',
    respond(request) {
      const { name } = request.params as { name: string };
      const detail = live.detail(name);
      if (detail !== undefined) return detail;
      throw new AdminError(404, `Cannot show ${name} because no upstream has that name`);
    },
  };
}

export function explainEndpoint({ live }: AdminContext): AdminEndpoint {
  return {
    method: 'GET',
    path: '/explain/:name',
    title: '/explain/NAME',
    access: 'read',
    respond(request, reply) {
      const { name } = request.params as { name: string };
      const { request: asked } = request.query as { request?: string | string[] };
      const explained = live.explain(name, Array.isArray(asked) ? asked[0] : asked);
      if ('text' in explained) return reply.type('text/plain; charset=utf-8').send(explained.text);
      const isUnknown = live.detail(name) === undefined;
      throw new AdminError(isUnknown ? 404 : 400, `Cannot explain ${name}: ${explained.problem}`);
    },
  };
}
