/** `GET /config`: the configuration in force, secrets redacted. */
import type { AdminContext, AdminEndpoint } from '../endpoint.js';

export function configEndpoint({ inspection }: AdminContext): AdminEndpoint {
  return {
    method: 'GET',
    path: '/config',
    title: '/config',
    access: 'read',
    respond: () => inspection.config(),
  };
}
