/** `GET /healthz`: the process runs. */
import type { AdminEndpoint } from '../endpoint.js';

export function healthzEndpoint(): AdminEndpoint {
  return {
    method: 'GET',
    path: '/healthz',
    title: '/healthz',
    access: 'read',
    respond: () => ({ status: 'ok' }),
  };
}
