/** `GET /readyz`: the proxy takes calls, and is not about to end. */
import type { AdminContext, AdminEndpoint } from '../endpoint.js';

export function readyzEndpoint({ inspection }: AdminContext): AdminEndpoint {
  return {
    method: 'GET',
    path: '/readyz',
    title: '/readyz',
    access: 'read',
    respond(_request, reply) {
      const isReady = inspection.isReady();
      return reply.code(isReady ? 200 : 503).send({ status: isReady ? 'ready' : 'not ready' });
    },
  };
}
