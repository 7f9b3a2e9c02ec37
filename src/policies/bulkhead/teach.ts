/** Lets an adaptive limit learn from each exchange. */
import type { Call } from '../../core/call.js';
import type { Clock } from '../../core/clock.js';
import { attemptResult } from '../../core/outcome.js';
import type { CallStage } from '../../core/pipeline.js';
import type { Reply } from '../../core/reply.js';
import type { AdaptiveLimit } from './adaptive-limit.js';

/** A stage that tells `limit` how each exchange went, before its slot comes back. */
export function teach(
  limit: AdaptiveLimit,
  next: CallStage,
  clock: Clock,
  countActive: () => number,
): CallStage {
  async function run(call: Call): Promise<Reply> {
    const startMs = clock.now();
    const learnResults = (): void => limit.observeResults(call.results);
    let reply: Reply;
    try {
      reply = await next.run(call);
    } catch (error) {
      learnResults();
      throw error;
    }
    // Not of a later attempt: its time would include the attempts before it, and the back-off between them.
    const { outcome } = reply;
    const isSuccess = outcome === undefined || attemptResult(outcome) === 'success';
    if (call.attempts === 1 && isSuccess) {
      limit.observeLatency(clock.now() - startMs, countActive());
    }
    reply.onFinished(learnResults);
    return reply;
  }
  return { run, refusal: (call) => next.refusal(call) };
}
