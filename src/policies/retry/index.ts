/** Retry: follows a failed attempt with another one, where that is safe, likely to help, affordable and in time. */
import { backoffMs } from './backoff.js';
import type { Call } from '../../core/call.js';
import type { Clock } from '../../core/clock.js';
import type { CallFailure } from '../../core/errors.js';
import type { EmitOf } from '../../core/events.js';
import { classifyFailure, isBadResponse, type Outcome } from '../../core/outcome.js';
import type { CallStage } from '../../core/pipeline.js';
import type { Needs, Policy, PolicyContext } from '../../core/policy.js';
import type { Reply } from '../../core/reply.js';
import type { Fields } from '../../http/fields.js';
import { findPushback } from '../../http/grpc.js';
import { findRetryAfter } from '../../http/retry-after.js';
import { RetryBudget, type RetryLayer } from './budget.js';
import {
  instruments,
  traced,
  type RetryCause,
  type RetryDenial,
  type RetryEvent,
} from './instruments.js';
import { createHasKey, createMayRepeat } from './may-repeat.js';
import { badResponses, schema, type RetryOptions, type RetrySettings } from './options.js';
import { backOff, findObstacle } from './wait.js';

export type { RetrySettings } from './options.js';

/** Methods whose effect is the same however often they arrive (RFC 9110, section 9.2.2). */
const idempotentMethods = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** What client libraries of several APIs go by before they repeat a request by themselves. */
const DO_NOT_RETRY: Fields = ['X-Should-Retry', 'false'];

/** How an attempt ended: with a response, which stays unread until it is clear who gets it, or without one. */
type Ending =
  | { readonly outcome: Outcome | undefined; readonly reply: Reply; readonly error?: undefined }
  | { readonly outcome: Outcome; readonly reply?: undefined; readonly error: CallFailure };

const responded = (reply: Reply): Ending => ({ outcome: reply.outcome, reply });
const failed = (error: CallFailure): Ending => ({ outcome: classifyFailure(error), error });

function passOn(ending: Ending): Reply {
  if (ending.reply === undefined) throw ending.error;
  return ending.reply;
}

function openBudget(
  options: RetryOptions['budget'],
  clock: Clock,
  previous: RetryBudget | undefined,
): RetryBudget | undefined {
  if (options === 'off') return undefined;
  const budget = previous ?? new RetryBudget(options, clock);
  budget.configure(options);
  return budget;
}

function create(
  settings: RetrySettings,
  context: PolicyContext,
  previous?: RetryLayer,
): RetryLayer | undefined {
  if (settings.retry === 'off') return undefined;
  const options: RetryOptions = settings.retry;
  const { clock, random } = context;
  const emit: EmitOf<RetryEvent> = context.emit;
  const bad = badResponses(options);
  const budget = openBudget(options.budget, clock, previous?.budget);
  const hasKey = createHasKey(settings.idempotency);
  const mayRepeat = createMayRepeat(options, hasKey);

  /** Why another attempt may help; undefined after a good response, or an end that this proxy or the client made. */
  function causeOf(outcome: Outcome | undefined): RetryCause | undefined {
    switch (outcome?.kind) {
      case 'status':
      case 'grpc':
        return isBadResponse(outcome, bad) ? 'status' : undefined;
      case 'unsent':
      case 'stale':
      case 'reset':
      case 'timeout':
        return outcome.kind;
      case undefined:
      case 'deadline':
      case 'cancelled':
      case 'refused':
        return undefined;
    }
  }

  /** The delay that a failed response and the back-off come to; undefined where the upstream wants no further attempt. */
  function delayAfter(reply: Reply | undefined, backoff: number): number | undefined {
    if (reply === undefined || !options.respectRetryAfter) return backoff;
    const { headers } = reply;
    const { maxRetryAfter } = options;
    if (reply.outcome?.kind === 'grpc') {
      const pushback = findPushback(headers) ?? backoff;
      return pushback === 'never' || pushback > maxRetryAfter ? undefined : pushback;
    }
    const retryAfterMs = findRetryAfter(headers, clock.wallNow()) ?? 0;
    return retryAfterMs > maxRetryAfter ? undefined : Math.max(backoff, retryAfterMs);
  }

  /**
   * Ms until the next attempt, or why there is none. What the request is comes first, then what the upstream wants, then
   * the budget, so that only a retry that nothing else forbids is paid for.
   */
  function plan(call: Call, next: CallStage, cause: RetryCause, backoff: number, reply?: Reply) {
    if (cause !== 'unsent' && !mayRepeat(call)) return 'method';
    const dueMs = delayAfter(reply, backoff);
    if (dueMs === undefined) return 'retry-after';
    // Nothing was sent, and the next attempt goes to another endpoint: there is no load to wait for.
    const isMovingOn = cause === 'unsent' && call.endpoints?.hasOther(call.triedEndpoints) === true;
    const delayMs = isMovingOn ? 0 : dueMs;
    const obstacle = findObstacle(call, next, clock.now() + delayMs);
    if (obstacle !== undefined) return obstacle;
    if (isMovingOn) return 0;
    if (delayMs > 0 && call.slot?.mayRelease === false) return 'waiting';
    return budget?.tryWithdraw() === false ? 'budget' : delayMs;
  }

  function deny(call: Call, cause: RetryDenial, ending: Ending): Reply {
    emit({ type: 'retry-denied', cause, call });
    return passOn(ending);
  }

  function wrap(next: CallStage): CallStage {
    /** Only the connection was to blame: another one is due at once, and costs nothing. */
    function isFree(call: Call): boolean {
      const isSafe = call.isGrpc
        ? mayRepeat(call)
        : idempotentMethods.has(call.method) || hasKey(call);
      return isSafe && findObstacle(call, next, clock.now()) === undefined;
    }

    async function run(call: Call): Promise<Reply> {
      // A call that the circuit refuses makes no attempt, and earns no retries for later.
      if (next.refusal(call) === undefined) budget?.deposit();
      call.attemptBudget = budget;
      if (options.hints && !mayRepeat(call)) call.sentFailureFields = DO_NOT_RETRY;
      let attempts = 1;
      let hasBeenFree = false;
      let backoff: number | undefined;
      for (;;) {
        let ending: Ending;
        try {
          ending = responded(await next.run(call));
        } catch (error) {
          ending = failed(error as CallFailure);
        }
        let cause = causeOf(ending.outcome);
        if (cause === undefined || call.cancelled !== undefined) return passOn(ending);

        let delayMs = 0;
        if (cause === 'stale' && !hasBeenFree && isFree(call)) {
          hasBeenFree = true;
        } else {
          // A second time, or where a repetition might do harm, it is a reset like any other.
          if (cause === 'stale') cause = 'reset';
          if (attempts >= options.maxAttempts) return passOn(ending);
          backoff = backoffMs(options.backoff, attempts, backoff, random);
          const planned = plan(call, next, cause, backoff, ending.reply);
          if (typeof planned === 'string') return deny(call, planned, ending);
          delayMs = planned;
          attempts += 1;
        }

        if (delayMs > 0) {
          let obstacle: RetryDenial | undefined;
          try {
            obstacle = await backOff(call, next, delayMs, clock);
          } catch (error) {
            ending.reply?.discard();
            throw error;
          }
          if (obstacle !== undefined) return deny(call, obstacle, ending);
        }
        emit({ type: 'retry-started', cause, delayMs, call });
        // Not before: until here this might have been the response that the client gets.
        ending.reply?.discard();
      }
    }

    return { run, refusal: (call) => next.refusal(call) };
  }

  return { wrap, budget };
}

const needs = ({ retry: options }: RetrySettings): Needs =>
  options === 'off'
    ? {}
    : { replayBytes: options.bodyLimit, ownRetryAfterMs: options.ownRetryAfter };

/**
 * Holds no more than one failed response, unread, while it waits. `bodyLimit` is the exchange's to keep: this policy only
 * asks whether the body can be sent again.
 */
export const retry = {
  name: 'retry',
  level: 'call',
  schema,
  // Its header makes a request repeatable.
  reads: ['idempotency'],
  instruments,
  traced,
  needs,
  create,
  // A route that retries differently still spends from the same budget: it protects the upstream, not the route.
  sharesState: (writes) => !writes.has('retry.budget'),
  describe: (layer) => ({ retryBudgetRemaining: layer?.budget?.remaining() ?? null }),
} as const satisfies Policy<'retry', typeof schema, RetrySettings, RetryLayer>;
