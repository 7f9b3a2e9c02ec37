/** Bulkhead: bounds how many calls an upstream works on at once, and how many more may wait for their turn. */
import type { Call } from '../../core/call.js';
import type { CallError } from '../../core/errors.js';
import type { Clock } from '../../core/clock.js';
import type { EmitOf } from '../../core/events.js';
import { refuseCall, type CallStage } from '../../core/pipeline.js';
import type { Policy, PolicyContext } from '../../core/policy.js';
import { isOpenEnded, type Reply } from '../../core/reply.js';
import { shownMode, Shadow } from '../../core/shadow.js';
import { AdaptiveLimit } from './adaptive-limit.js';
import { Bulkhead } from './bulkhead.js';
import { CallSlot, type HeldSlot } from './call-slot.js';
import { instruments, traced, type QueueEvent } from './instruments.js';
import { limitOf, type BulkheadLayer } from './layer.js';
import { schema, type BulkheadOptions, type BulkheadSettings } from './options.js';
import { reasons } from './reasons.js';
import { ShadowSlot, withoutLimits } from './rehearsal.js';
import { teach } from './teach.js';

export type { BulkheadSettings } from './options.js';

/** Counts the response as a stream in place of its slot. */
function countAsStream(reply: Reply, slot: HeldSlot): void {
  try {
    slot.becomeStream();
  } catch (error) {
    reply.abort(error as CallError);
    throw error;
  }
}

/** What has been learned goes on. */
function openAdaptive(
  { adaptive: options, maxConcurrent }: BulkheadOptions,
  clock: Clock,
  previous: AdaptiveLimit | undefined,
): AdaptiveLimit | undefined {
  if (options === 'off') return undefined;
  previous?.configure(options);
  return previous ?? new AdaptiveLimit(options, maxConcurrent, clock);
}

function create(
  settings: BulkheadSettings,
  context: PolicyContext,
  previous?: BulkheadLayer,
): BulkheadLayer | undefined {
  const { bulkhead: options } = settings;
  if (options === 'off') return undefined;
  const { clock } = context;
  const emit: EmitOf<QueueEvent> = context.emit;
  const shadow = Shadow.open(options.mode, 'bulkhead', reasons, context.emit);
  const adaptive = openAdaptive(options, clock, previous?.adaptive);
  const bulkhead = previous?.bulkhead ?? new Bulkhead(options, context);
  const rehearsal = shadow && (previous?.rehearsal ?? new Bulkhead(options, context));
  rehearsal?.configure(options, adaptive);
  if (shadow === undefined) bulkhead.configure(options, adaptive);
  else bulkhead.configure(withoutLimits(options), undefined);

  function openSlot(call: Call): HeldSlot {
    const slot = new CallSlot(bulkhead, call, emit, call);
    if (rehearsal === undefined) return slot;
    const played = { bulkhead: rehearsal, shadow: shadow!, clock, emit: context.emit };
    return new ShadowSlot(played, call, slot);
  }

  function wrap(inner: CallStage): CallStage {
    const next =
      adaptive === undefined ? inner : teach(adaptive, inner, clock, () => bulkhead.active);
    /** A call that an inner stage would refuse takes no slot, and does not wait for one. */
    function run(call: Call): Promise<Reply> {
      const refused = call.cancelled ?? next.refusal(call);
      return refused === undefined ? admit(call) : refuseCall(call, refused);
    }

    async function admit(call: Call): Promise<Reply> {
      const slot = openSlot(call);
      const wait = slot.acquire();
      if (wait !== undefined) await wait;
      call.slot = slot;
      try {
        const reply = await next.run(call);
        if (isOpenEnded(reply) && !reply.isComplete) countAsStream(reply, slot);
        reply.onFinished(() => slot.close());
        // A call that has given up its retry has no slot, and is not in back-off any more.
        slot.endRest();
        return reply;
      } catch (error) {
        slot.close();
        throw error;
      }
    }
    return { run, refusal: (call) => next.refusal(call) };
  }
  return { wrap, bulkhead, rehearsal, adaptive, shadow };
}

export const bulkhead = {
  name: 'bulkhead',
  level: 'call',
  schema,
  reasons,
  instruments,
  traced,
  isShownPerRoute: true,
  needs: ({ bulkhead }) =>
    bulkhead === 'off' || bulkhead.mode === 'shadow' ? {} : { calls: bulkhead.maxConcurrent },
  create,
  /** Field by field: they are live. */
  describe(layer) {
    if (layer === undefined) return { bulkhead: null };
    const { active, queued, streams } = layer.bulkhead;
    const limit = limitOf(layer);
    return { bulkhead: { active, queued, limit, streams, ...shownMode(layer) } };
  },
} as const satisfies Policy<'bulkhead', typeof schema, BulkheadSettings, BulkheadLayer>;
