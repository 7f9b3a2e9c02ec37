/** `POST /reload`: reads the configuration again. */
import { peerOf } from '../access.js';
import type { AdminContext, AdminEndpoint } from '../endpoint.js';
import { reasonIn } from '../order.js';
import { AdminError } from '../problem.js';

export function reloadEndpoint({ logger, reload }: AdminContext): AdminEndpoint {
  return {
    method: 'POST',
    path: '/reload',
    title: '/reload',
    access: 'write',
    async respond(request, reply) {
      const peer = peerOf(request);
      logger.info({ peer, reason: reasonIn(request.body) }, `reload asked for by ${peer}`);
      const outcome = await reload();
      switch (outcome.kind) {
        case 'success':
          return outcome.changes;
        case 'invalid':
          return reply.code(422).send({ diagnostics: outcome.diagnostics });
        case 'unbindable':
          throw new AdminError(409, outcome.message);
      }
    },
  };
}
