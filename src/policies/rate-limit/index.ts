/** Rate limit: refuses calls that come faster than a rate, of all callers together or of one of them. */
import type { Call } from '../../core/call.js';
import { CallError } from '../../core/errors.js';
import type { EmitOf } from '../../core/events.js';
import type { CallLayer, CallStage } from '../../core/pipeline.js';
import type { Policy, PolicyContext } from '../../core/policy.js';
import type { Reply } from '../../core/reply.js';
import { enforce, Shadow, shownMode } from '../../core/shadow.js';
import { instruments, type RateLimited } from './instruments.js';
import { Limiter, type Tally } from './limiter.js';
import { schema, type RateLimitSettings } from './options.js';
import { reasons } from './reasons.js';
import { responseFields } from './response-fields.js';
import { SharedCount } from './shared-count.js';

export type { RateLimitSettings } from './options.js';

interface RateLimitLayer extends CallLayer {
  readonly limiter: Limiter;
}

function create(
  settings: RateLimitSettings,
  context: PolicyContext,
  previous?: RateLimitLayer,
): RateLimitLayer | undefined {
  const { rateLimit: options } = settings;
  if (options === 'off') return undefined;
  const { upstream, route } = context;
  const limiter = previous?.limiter ?? new Limiter(options, context);
  limiter.configure(options);
  const shared = options.shared ? new SharedCount(limiter, context) : undefined;
  const name = route === '' ? upstream : `${upstream}/${route}`;
  const emit: EmitOf<RateLimited> = context.emit;
  const shadow = Shadow.open(options.mode, 'rateLimit', reasons, context.emit);

  /** @returns undefined where the call goes on, uncounted, because the limit is in shadow. */
  function refuse(call: Call, tallies: readonly Tally[], waitMs: number): CallError | undefined {
    const refused = enforce(shadow, call, explain(call, tallies, waitMs));
    if (refused !== undefined) emit({ type: 'rate-limited' });
    return refused;
  }

  function explain({ method }: Call, tallies: readonly Tally[], waitMs: number): CallError {
    const used = tallies
      .map((tally) => limiter.standingOf(tally))
      .find(({ remaining }) => remaining === 0);
    const whose = used?.key === undefined ? 'the rate limit' : 'the rate limit of its key';
    const message = `Cannot forward ${method} to ${upstream} because ${whose} is used up`;
    return new CallError(reasons['rate-limited'], message, { retryAfterMs: waitMs });
  }

  /** Not in shadow: clients that go by these fields would slow down. */
  const tellClient = ({ headers }: Call) =>
    responseFields(
      name,
      limiter.talliesOf(headers).map((tally) => limiter.standingOf(tally)),
    );

  function wrap(next: CallStage): CallStage {
    async function runShared(
      call: Call,
      tallies: readonly Tally[],
      count: SharedCount,
    ): Promise<Reply> {
      if (!(await count.count(tallies))) {
        const refused = refuse(call, tallies, limiter.arrive(tallies));
        if (refused !== undefined) throw refused;
      }
      // Ended while the store was asked.
      if (call.cancelled !== undefined) throw call.cancelled;
      return next.run(call);
    }

    return {
      run(call) {
        const tallies = limiter.talliesOf(call.headers);
        const waitMs = limiter.arrive(tallies);
        // What is used up here is used up in the store as well, so that need not be asked.
        if (waitMs > 0) {
          const refused = refuse(call, tallies, waitMs);
          return refused === undefined ? next.run(call) : Promise.reject(refused);
        }
        if (shared !== undefined) return runShared(call, tallies, shared);
        limiter.count(tallies);
        return next.run(call);
      },
      refusal: (call) => next.refusal(call),
    };
  }

  return {
    wrap,
    limiter,
    shadow,
    responseFields: shadow === undefined ? tellClient : undefined,
  };
}

export const rateLimit = {
  name: 'rateLimit',
  level: 'call',
  schema,
  reasons,
  instruments,
  isShownPerRoute: true,
  create,
  describe(layer) {
    if (layer === undefined) return { rateLimit: null };
    const { limiter } = layer;
    const { limit, remaining } = limiter.forAll;
    const { burst } = limit;
    return { rateLimit: { remaining, burst, keys: limiter.keys, ...shownMode(layer) } };
  },
} as const satisfies Policy<'rateLimit', typeof schema, RateLimitSettings, RateLimitLayer>;
