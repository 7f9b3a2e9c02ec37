/** Hedge: starts another attempt beside a slow first one, and uses the response that is good first. */
import type { Attempt } from '../../core/attempt.js';
import type { EmitOf } from '../../core/events.js';
import type { AttemptStage } from '../../core/pipeline.js';
import type { Policy, PolicyContext } from '../../core/policy.js';
import type { Reply } from '../../core/reply.js';
import { HedgeDelay, type HedgeLayer } from './hedge-delay.js';
import { instruments, traced, type Hedged } from './instruments.js';
import { schema, type HedgeOptions, type HedgeSettings } from './options.js';
import { createHasKey, createMayRepeat } from '../retry/may-repeat.js';
import { badResponses } from '../retry/options.js';
import { Race, type RaceRules } from './race.js';

export type { HedgeSettings } from './options.js';

function openDelay(options: HedgeOptions, previous: HedgeDelay | undefined): HedgeDelay {
  if (previous === undefined) return new HedgeDelay(options);
  previous.configure(options);
  return previous;
}

function create(
  settings: HedgeSettings,
  context: PolicyContext,
  previous?: HedgeLayer,
): HedgeLayer | undefined {
  const { hedge, retry } = settings;
  // The retry budget pays for hedges: without it there are none.
  if (hedge === 'off' || retry === 'off' || retry.budget === 'off') return undefined;
  const methods = new Set(hedge.methods);
  const bad = badResponses(retry);
  const mayRepeat = createMayRepeat(retry, createHasKey(settings.idempotency));
  const emit: EmitOf<Hedged> = context.emit;
  const delay = openDelay(hedge, previous?.delay);
  const rules: RaceRules = {
    upstream: context.upstream,
    maxExtra: hedge.maxExtra,
    delay,
    bad,
    clock: context.clock,
    emit,
  };

  const wrap = (next: AttemptStage): AttemptStage => ({
    run(attempt: Attempt): Promise<Reply> {
      const { call, number } = attempt;
      const { attemptBudget: budget, upgrade, method } = call;
      // A retry has been paid for already. An upgraded connection cannot be had twice.
      const isFirst = number === 1 && upgrade === undefined;
      // All gRPC calls are POSTs: the list says nothing about them.
      const isWanted = (call.isGrpc || methods.has(method)) && mayRepeat(call);
      if (!isFirst || budget === undefined || !isWanted) return next.run(attempt);
      return new Race(rules, next, attempt, budget).run();
    },
    refusal: (call) => next.refusal(call),
  });
  return { wrap, delay };
}

export const hedge = {
  name: 'hedge',
  level: 'attempt',
  schema,
  // The budget of retries pays, and their statuses say which responses are worth waiting for another one. Both say what
  // may be made twice.
  reads: ['retry', 'idempotency'],
  instruments,
  traced,
  create,
} as const satisfies Policy<'hedge', typeof schema, HedgeSettings, HedgeLayer>;
