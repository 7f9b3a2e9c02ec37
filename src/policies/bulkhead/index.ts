/** Bulkhead: bounds how many calls an upstream works on at once, and how many more may wait for their turn. */
import type { Call } from '../../core/call.js';
import type { CallError } from '../../core/errors.js';
import type { EmitOf } from '../../core/events.js';
import { refuseCall, type CallStage } from '../../core/pipeline.js';
import type { Policy, PolicyContext } from '../../core/policy.js';
import { isOpenEnded, type Reply } from '../../core/reply.js';
import { Bulkhead, type BulkheadLayer } from './bulkhead.js';
import { CallSlot } from './call-slot.js';
import { instruments, traced, type QueueEvent } from './instruments.js';
import { schema, type BulkheadSettings } from './options.js';
import { reasons } from './reasons.js';
import { teach } from './teach.js';

export type { BulkheadSettings } from './options.js';

/** Counts the response as a stream in place of its slot. */
function countAsStream(bulkhead: Bulkhead, call: Call, reply: Reply, slot: CallSlot): void {
  try {
    bulkhead.openStream(call);
  } catch (error) {
    reply.abort(error as CallError);
    throw error;
  }
  slot.close();
  reply.onFinished(() => bulkhead.closeStream());
}

function create(
  settings: BulkheadSettings,
  context: PolicyContext,
  previous?: BulkheadLayer,
): BulkheadLayer | undefined {
  const { bulkhead: options } = settings;
  if (options === 'off') return undefined;
  const bulkhead = previous?.bulkhead ?? new Bulkhead(options, context);
  bulkhead.configure(options);
  const { adaptive } = bulkhead;
  const emit: EmitOf<QueueEvent> = context.emit;

  function wrap(inner: CallStage): CallStage {
    const next =
      adaptive === undefined ? inner : teach(adaptive, inner, context.clock, () => bulkhead.active);
    /** A call that an inner stage would refuse takes no slot, and does not wait for one. */
    function run(call: Call): Promise<Reply> {
      const refused = call.cancelled ?? next.refusal(call);
      return refused === undefined ? admit(call) : refuseCall(call, refused);
    }

    async function admit(call: Call): Promise<Reply> {
      const slot = new CallSlot(bulkhead, call, emit);
      const wait = slot.acquire();
      if (wait !== undefined) await wait;
      call.slot = slot;
      try {
        const reply = await next.run(call);
        if (isOpenEnded(reply) && !reply.isComplete) countAsStream(bulkhead, call, reply, slot);
        else reply.onFinished(() => slot.close());
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
  return { wrap, bulkhead };
}

export const bulkhead = {
  name: 'bulkhead',
  level: 'call',
  schema,
  reasons,
  instruments,
  traced,
  isShownPerRoute: true,
  needs: ({ bulkhead }) => (bulkhead === 'off' ? {} : { calls: bulkhead.maxConcurrent }),
  create,
  /** Field by field: they are live. */
  describe(layer) {
    if (layer === undefined) return { bulkhead: null };
    const { active, queued, limit, streams } = layer.bulkhead;
    return { bulkhead: { active, queued, limit, streams } };
  },
} as const satisfies Policy<'bulkhead', typeof schema, BulkheadSettings, BulkheadLayer>;
