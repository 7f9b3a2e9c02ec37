/** Bulkhead: bounds how many exchanges an upstream has at once, and how many more may wait for their turn. */
import type { Call } from '../core/call.js';
import { CallError, type CallFailure } from '../core/errors.js';
import type { Event } from '../core/events.js';
import type { InspectableBulkhead } from '../core/inspect.js';
import {
  Count,
  Duration,
  DurationOrOff,
  Options,
  Share,
  Switchable,
  type Off,
  type Static,
} from '../core/options.js';
import type { Layer, Stage } from '../core/pipeline.js';
import type { Policy, PolicyContext } from '../core/policy.js';
import { attemptResult, classifyStatus } from '../core/outcome.js';
import type { Reply } from '../core/reply.js';
import { AdaptiveLimit } from './adaptive-limit.js';

const schema = Switchable(
  Options(
    {
      maxConcurrent: Count({
        default: 100,
        minimum: 1,
        description: 'Exchanges at once, each until the last byte of its answer.',
      }),
      maxQueue: Count({
        default: 50,
        minimum: 0,
        description: 'Calls that may wait for a slot, first in, first out; one more is refused.',
      }),
      queueTimeout: DurationOrOff({
        default: '1s',
        description: 'Longest wait for a slot; off: until the deadline.',
      }),
      adaptive: Switchable(
        Options(
          {
            min: Count({ default: 5, minimum: 1, description: 'The least it can fall to.' }),
            max: Count({ default: 200, minimum: 1, description: 'The most it can rise to.' }),
            decreaseAbove: Share({
              default: '20%',
              description: 'A share of failed tries above this halves the limit.',
            }),
            increaseBelow: Share({
              default: '5%',
              description: 'A share of failed tries from this on keeps the limit from rising.',
            }),
            window: Duration({
              default: '10s',
              description:
                'How far back tries count; the limit can move fifty times as often as this.',
            }),
          },
          {
            description:
              "Moves the limit with the upstream's errors and latency; maxConcurrent is where it starts.",
          },
        ),
        { default: 'off' },
      ),
    },
    { description: 'Bounds how many exchanges the upstream has at once.' },
  ),
);

export interface BulkheadSettings {
  readonly bulkhead: Static<typeof schema>;
}

type BulkheadOptions = Exclude<BulkheadSettings['bulkhead'], Off>;

/** Told to callers when the queue has no time limit to go by. */
const DEFAULT_RETRY_AFTER_MS = 1000;

/** The common case, allocated once. */
const ADMITTED_AT_ONCE: Event = { type: 'bulkhead-admitted', waitedMs: 0 };

/** A queued call, linked to its neighbours so that it can leave from anywhere at once. */
interface Waiter {
  /** Ends the wait: with a slot, or with `error`. */
  readonly settle: (error?: CallFailure) => void;
  previous: Waiter | undefined;
  next: Waiter | undefined;
}

/**
 * The slots and the queue before them. A slot that comes back goes to the first waiter at once, so nobody waits while
 * one is free, and nobody who comes later can overtake the queue.
 */
export class Bulkhead implements InspectableBulkhead {
  #options: BulkheadOptions;
  readonly #context: PolicyContext;
  #adaptive: AdaptiveLimit | undefined;
  #active = 0;
  #queued = 0;
  #first: Waiter | undefined;
  #last: Waiter | undefined;

  constructor(options: BulkheadOptions, context: PolicyContext) {
    this.#options = options;
    this.#context = context;
    this.#adaptive = this.#adapt(options);
  }

  get active(): number {
    return this.#active;
  }

  get queued(): number {
    return this.#queued;
  }

  get limit(): number {
    return this.#adaptive === undefined ? this.#options.maxConcurrent : this.#adaptive.limit;
  }

  /** Undefined where the limit stands still. */
  get adaptive(): AdaptiveLimit | undefined {
    return this.#adaptive;
  }

  /** A raised limit lets waiters in at once; a lowered one is reached as slots come back. */
  configure(options: BulkheadOptions): void {
    this.#options = options;
    this.#adaptive = this.#adapt(options);
    this.#admitWaiters();
  }

  /** What has been learned goes on. */
  #adapt({ adaptive, maxConcurrent }: BulkheadOptions): AdaptiveLimit | undefined {
    if (adaptive === 'off') return undefined;
    this.#adaptive?.configure(adaptive);
    return this.#adaptive ?? new AdaptiveLimit(adaptive, maxConcurrent, this.#context.clock);
  }

  /** Takes a slot if one is free; pair it with `release`. */
  tryAdmit(): boolean {
    if (this.#active >= this.limit) return false;
    this.#active++;
    return true;
  }

  /**
   * Waits for a slot, which the caller then holds.
   * @returns ms waited.
   * @throws CallError `bulkhead-full` or `bulkhead-timeout`, or what the call was cancelled with.
   */
  async queue(call: Call): Promise<number> {
    if (this.#queued >= this.#options.maxQueue) throw this.#refuse('bulkhead-full', call);
    const waitedMs = await this.#wait(call);
    // The slot came, but before this line ran the call was ended.
    if (call.cancelled !== undefined) {
      this.release();
      throw call.cancelled;
    }
    return waitedMs;
  }

  /** Gives a slot back. */
  readonly release = (): void => {
    this.#active--;
    this.#admitWaiters();
  };

  #admitWaiters(): void {
    while (this.#first !== undefined && this.tryAdmit()) this.#first.settle();
  }

  #wait(call: Call): Promise<number> {
    const { clock } = this.#context;
    const { queueTimeout } = this.#options;
    return new Promise((resolve, reject) => {
      const sinceMs = clock.now();
      const settle = (error?: CallFailure): void => {
        this.#remove(waiter);
        timer?.cancel();
        call.waitWith(undefined);
        const waitedMs = clock.now() - sinceMs;
        call.waitedMs += waitedMs;
        if (error === undefined) resolve(waitedMs);
        else reject(error);
      };
      const waiter: Waiter = { settle, previous: this.#last, next: undefined };
      const timer =
        queueTimeout === 'off'
          ? undefined
          : clock.schedule(queueTimeout, () => settle(this.#refuse('bulkhead-timeout', call)));
      this.#append(waiter);
      call.waitWith(settle);
    });
  }

  #append(waiter: Waiter): void {
    if (this.#last === undefined) this.#first = waiter;
    else this.#last.next = waiter;
    this.#last = waiter;
    this.#queued++;
  }

  #remove({ previous, next }: Waiter): void {
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    this.#queued--;
  }

  #refuse(reason: 'bulkhead-full' | 'bulkhead-timeout', call: Call): CallError {
    const { maxQueue, queueTimeout } = this.#options;
    const why =
      reason === 'bulkhead-full'
        ? `all ${this.limit} slots of its bulkhead are taken and ${maxQueue} calls wait already`
        : `none of the ${this.limit} slots of its bulkhead came free within ${queueTimeout} ms`;
    return new CallError(
      reason,
      `Cannot admit ${call.method} to ${this.#context.upstream} because ${why}`,
      { retryAfterMs: queueTimeout === 'off' ? DEFAULT_RETRY_AFTER_MS : queueTimeout },
    );
  }
}

export interface BulkheadLayer extends Layer {
  readonly bulkhead: Bulkhead;
}

/** Tells `adaptive` how each exchange went, before its slot comes back. */
function teach(
  adaptive: AdaptiveLimit,
  bulkhead: Bulkhead,
  next: Stage,
  { clock }: PolicyContext,
): Stage {
  async function run(call: Call): Promise<Reply> {
    const startMs = clock.now();
    const learnResults = (): void => adaptive.observeResults(call.results);
    let reply: Reply;
    try {
      reply = await next.run(call);
    } catch (error) {
      learnResults();
      throw error;
    }
    // Not of a later try: it would have the time of those before in it, and the back-off between them.
    if (call.attempts === 1 && attemptResult(classifyStatus(reply.status)) === 'success') {
      adaptive.observeLatency(clock.now() - startMs, bulkhead.active);
    }
    reply.onFinished(learnResults);
    return reply;
  }
  return { run, refusal: (call) => next.refusal(call) };
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

  function wrap(inner: Stage): Stage {
    const next = adaptive === undefined ? inner : teach(adaptive, bulkhead, inner, context);
    async function run(call: Call): Promise<Reply> {
      if (bulkhead.tryAdmit()) {
        context.emit(ADMITTED_AT_ONCE);
      } else {
        const refused = call.cancelled ?? next.refusal(call);
        if (refused !== undefined) throw refused;
        const waitedMs = await bulkhead.queue(call);
        context.emit({ type: 'bulkhead-admitted', waitedMs });
      }
      let reply: Reply;
      try {
        reply = await next.run(call);
      } catch (error) {
        bulkhead.release();
        throw error;
      }
      reply.onFinished(bulkhead.release);
      return reply;
    }
    return { run, refusal: (call) => next.refusal(call) };
  }
  return { wrap, bulkhead };
}

export const bulkhead = { name: 'bulkhead', schema, create } as const satisfies Policy<
  'bulkhead',
  typeof schema,
  BulkheadSettings,
  BulkheadLayer
>;
