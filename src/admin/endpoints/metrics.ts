/** `GET /metrics`: the page that Prometheus scrapes. */
import { Readable } from 'node:stream';
import type { AdminContext, AdminEndpoint } from '../endpoint.js';
import { asAdminError } from '../problem.js';

export function metricsEndpoint({ metrics, logger }: AdminContext): AdminEndpoint {
  return {
    method: 'GET',
    path: '/metrics',
    title: '/metrics',
    access: 'read',
    respond(request, reply) {
      const { accept } = request.headers;
      const page = Readable.from(metrics.exposition(accept), {
        // What is read ahead would be written all at once, without the breaks between pieces.
        highWaterMark: 1,
      });
      page.on('error', (err) => {
        // Too late for a 500: the connection is cut, so that the part is not taken for the whole page.
        if (reply.raw.headersSent)
          logger.error({ path: request.url, err }, asAdminError(err).message);
      });
      return reply.type(metrics.contentTypeFor(accept)).send(page);
    },
  };
}
