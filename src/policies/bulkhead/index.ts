/** Bulkhead: bounds how many exchanges an upstream has at once, and how many more may wait for their turn. */
import type { Call } from '../../core/call.js';
import type { EmitOf } from '../../core/events.js';
import type { CallStage } from '../../core/pipeline.js';
import type { Policy, PolicyContext } from '../../core/policy.js';
import type { Reply } from '../../core/reply.js';
import { Bulkhead, type BulkheadLayer } from './bulkhead.js';
import { instruments, type Admitted } from './instruments.js';
import { schema, type BulkheadSettings } from './options.js';
import { reasons } from './reasons.js';
import { teach } from './teach.js';

export type { BulkheadSettings } from './options.js';

/** The common case, allocated once. */
const ADMITTED_AT_ONCE: Admitted = { type: 'bulkhead-admitted', waitedMs: 0 };

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
  const emit: EmitOf<Admitted> = context.emit;

  function wrap(inner: CallStage): CallStage {
    const next =
      adaptive === undefined ? inner : teach(adaptive, inner, context.clock, () => bulkhead.active);
    /** Nobody takes a slot, let alone waits for one, to be refused behind it. */
    function run(call: Call): Promise<Reply> {
      const refused = call.cancelled ?? next.refusal(call);
      return refused === undefined ? admit(call) : Promise.reject(refused);
    }

    async function admit(call: Call): Promise<Reply> {
      const line = bulkhead.lineOf(call);
      let { release } = line;
      if (bulkhead.tryAdmit(line)) {
        emit(ADMITTED_AT_ONCE);
      } else {
        const admission = await bulkhead.queue(call, line);
        release = admission.release;
        emit({ type: 'bulkhead-admitted', waitedMs: admission.waitedMs });
      }
      let reply: Reply;
      try {
        reply = await next.run(call);
      } catch (error) {
        release();
        throw error;
      }
      reply.onFinished(release);
      return reply;
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
  isShownPerRoute: true,
  needs: ({ bulkhead }) => (bulkhead === 'off' ? {} : { calls: bulkhead.maxConcurrent }),
  create,
  /** Field by field: they are live. */
  describe(layer) {
    if (layer === undefined) return { bulkhead: null };
    const { active, queued, limit } = layer.bulkhead;
    return { bulkhead: { active, queued, limit } };
  },
} as const satisfies Policy<'bulkhead', typeof schema, BulkheadSettings, BulkheadLayer>;
