/** Bulkhead: bounds how many exchanges an upstream has at once, and how many more may wait for their turn. */
import type { Call } from '../../core/call.js';
import { CallError, DEFAULT_RETRY_AFTER_MS, type CallFailure } from '../../core/errors.js';
import type { Event } from '../../core/events.js';
import type { InspectableBulkhead } from '../../core/inspect.js';
import {
  Count,
  DurationOrOff,
  Options,
  Switchable,
  type Off,
  type Static,
} from '../../core/options.js';
import type { CallLayer, CallStage } from '../../core/pipeline.js';
import type { Policy, PolicyContext } from '../../core/policy.js';
import type { Reply } from '../../core/reply.js';
import { AdaptiveLimit, adaptiveLimitSchema, teach } from './adaptive-limit.js';
import { FairQueue, perKeySchema } from './fair-queue.js';
import { FifoQueue, type Line, type Queue, type Waiter } from './waiting-line.js';

const schema = Switchable(
  Options(
    {
      maxConcurrent: Count({
        default: 100,
        minimum: 1,
        description:
          'How many calls may run at once. Each counts until the last byte of its response.',
      }),
      maxQueue: Count({
        default: 50,
        minimum: 0,
        description:
          'How many calls may wait for a slot. A further call is refused. `0` means that there is no queue.',
      }),
      queueTimeout: DurationOrOff({
        default: '1s',
        description: 'Longest wait for a slot. `off`: until the deadline.',
      }),
      perKey: perKeySchema,
      adaptive: adaptiveLimitSchema,
    },
    { description: 'Limits how many calls the upstream has at once.' },
  ),
);

export interface BulkheadSettings {
  readonly bulkhead: Static<typeof schema>;
}

type BulkheadOptions = Exclude<BulkheadSettings['bulkhead'], Off>;

/** A slot that came after a wait. */
interface Admission {
  readonly waitedMs: number;
  /** Gives it back. */
  readonly release: () => void;
}

/** The common case, allocated once. */
const ADMITTED_AT_ONCE: Event = { type: 'bulkhead-admitted', waitedMs: 0 };

/**
 * The slots and the queue before them. A slot that comes back goes at once to the first waiter who may have it, so nobody
 * waits while one is free for him, and nobody who comes later can overtake the queue.
 */
export class Bulkhead implements InspectableBulkhead {
  #options: BulkheadOptions;
  readonly #context: PolicyContext;
  #queue: Queue;
  #adaptive: AdaptiveLimit | undefined;
  #active = 0;
  #arrivals = 0;

  constructor(options: BulkheadOptions, context: PolicyContext) {
    this.#options = options;
    this.#context = context;
    this.#queue = this.#createQueue();
    this.#adaptive = this.#adapt(options);
  }

  get active(): number {
    return this.#active;
  }

  get queued(): number {
    return this.#queue.length;
  }

  get limit(): number {
    return this.#adaptive === undefined ? this.#options.maxConcurrent : this.#adaptive.limit;
  }

  /** Undefined where the limit stands still. */
  get adaptive(): AdaptiveLimit | undefined {
    return this.#adaptive;
  }

  /**
   * A raised limit lets waiters in at once; a lowered one is reached as slots come back. Who waits goes on waiting, also
   * where the keys become others; slots are counted by key from then on.
   */
  configure(options: BulkheadOptions): void {
    this.#options = options;
    this.#adaptive = this.#adapt(options);
    if (!this.#queue.configure(options.perKey)) this.#replaceQueue();
    this.#admitWaiters();
  }

  /** The line that the call is counted in; for `tryAdmit` and `queue`, before anything else happens. */
  lineOf(call: Call): Line {
    return this.#queue.lineOf(call);
  }

  /** Takes a slot if one is free for calls of the line; pair it with the line's `release`. */
  tryAdmit(line: Line): boolean {
    if (this.#active >= this.limit || !this.#queue.tryEnter(line)) return false;
    this.#active++;
    return true;
  }

  /**
   * Waits for a slot, which the caller then holds and gives back with the `release` of the line it has waited in.
   * @throws CallError `bulkhead-full` or `bulkhead-timeout`, or what the call was cancelled with.
   */
  async queue(call: Call, line: Line): Promise<Admission> {
    if (this.queued >= this.#options.maxQueue) {
      const victim = this.#queue.findVictim(line);
      if (victim === undefined) throw this.#full(call, line);
      victim.settle(this.#pushedOut(victim.call));
    }
    const admission = await this.#wait(call, line);
    // The slot came, but before this line ran the call was ended.
    if (call.cancelled !== undefined) {
      admission.release();
      throw call.cancelled;
    }
    return admission;
  }

  /** What has been learned goes on. */
  #adapt({ adaptive, maxConcurrent }: BulkheadOptions): AdaptiveLimit | undefined {
    if (adaptive === 'off') return undefined;
    this.#adaptive?.configure(adaptive);
    return this.#adaptive ?? new AdaptiveLimit(adaptive, maxConcurrent, this.#context.clock);
  }

  #createQueue(): Queue {
    const { perKey } = this.#options;
    return perKey === 'off'
      ? new FifoQueue(this.#giveBack)
      : new FairQueue(perKey, this.#giveBack, this.#context.hash);
  }

  #replaceQueue(): void {
    const before = this.#queue;
    this.#queue = this.#createQueue();
    for (const waiter of before.waiters()) {
      before.remove(waiter);
      this.#queue.append(waiter, this.#queue.lineOf(waiter.call));
    }
  }

  readonly #giveBack = (): void => {
    this.#active--;
    this.#admitWaiters();
  };

  #admitWaiters(): void {
    while (this.#active < this.limit) {
      const waiter = this.#queue.enterNext();
      if (waiter === undefined) return;
      this.#active++;
      waiter.settle();
    }
  }

  #wait(call: Call, line: Line): Promise<Admission> {
    const { clock } = this.#context;
    const { queueTimeout } = this.#options;
    return new Promise((resolve, reject) => {
      const sinceMs = clock.now();
      const settle = (error?: CallFailure): void => {
        this.#queue.remove(waiter);
        timer?.cancel();
        call.offCancel(settle);
        const waitedMs = clock.now() - sinceMs;
        call.waitedMs += waitedMs;
        if (error === undefined) resolve({ waitedMs, release: waiter.line.release });
        else reject(error);
      };
      const timer =
        queueTimeout === 'off'
          ? undefined
          : clock.schedule(queueTimeout, () =>
              settle(this.#timedOut(call, waiter.line, queueTimeout)),
            );
      const arrival = this.#arrivals++;
      const waiter: Waiter = { call, line, arrival, settle, previous: undefined, next: undefined };
      this.#queue.append(waiter, line);
      call.onCancel(settle);
    });
  }

  #full(call: Call, line: Line): CallError {
    const why = `all ${this.#slotsFor(line)} are taken and ${this.#options.maxQueue} calls wait already`;
    return this.#refuse('bulkhead-full', call, why);
  }

  #pushedOut(call: Call): CallError {
    const why = `the queue of its bulkhead is full with ${this.#options.maxQueue} calls and a caller with fewer among them came`;
    return this.#refuse('bulkhead-full', call, why);
  }

  #timedOut(call: Call, line: Line, afterMs: number): CallError {
    const why = `none of the ${this.#slotsFor(line)} came free within ${afterMs} ms`;
    return this.#refuse('bulkhead-timeout', call, why);
  }

  #slotsFor(line: Line): string {
    return this.#queue.bottleneck(line) ?? `${this.limit} slots of its bulkhead`;
  }

  #refuse(reason: 'bulkhead-full' | 'bulkhead-timeout', call: Call, why: string): CallError {
    const { queueTimeout } = this.#options;
    return new CallError(
      reason,
      `Cannot admit ${call.method} to ${this.#context.upstream} because ${why}`,
      { retryAfterMs: queueTimeout === 'off' ? DEFAULT_RETRY_AFTER_MS : queueTimeout },
    );
  }
}

export interface BulkheadLayer extends CallLayer {
  readonly bulkhead: Bulkhead;
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
        context.emit(ADMITTED_AT_ONCE);
      } else {
        const admission = await bulkhead.queue(call, line);
        release = admission.release;
        context.emit({ type: 'bulkhead-admitted', waitedMs: admission.waitedMs });
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
  create,
} as const satisfies Policy<'bulkhead', typeof schema, BulkheadSettings, BulkheadLayer>;
