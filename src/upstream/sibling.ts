/** Another upstream of the same configuration, to which a call may go on. */
import type { Call } from '../core/call.js';
import type { Clock } from '../core/clock.js';
import type { CallStage } from '../core/pipeline.js';
import type { Sibling } from './upstream-options.js';

/** Its whole pipeline. It makes a new call for each call that it gets. @param find called for each call. */
export function pipelineOf(find: () => Sibling, clock: Clock): CallStage {
  const scopeFor = ({ method, path }: Call) => find().scopeFor(method, path);
  return {
    async run(call) {
      const scope = scopeFor(call);
      const host = scope.preserveHost ? call.clientHost : undefined;
      const fork = call.fork(host, clock.now());
      try {
        return await scope.stage.run(fork);
      } finally {
        call.attemptsElsewhere += fork.attempts + fork.attemptsElsewhere;
        call.waitedMs += fork.waitedMs;
      }
    },
    refusal: (call) => scopeFor(call).stage.refusal(call),
  };
}
