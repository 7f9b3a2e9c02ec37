/** The slots of an upstream and the queue before them. */
import {
  CallError,
  DEFAULT_RETRY_AFTER_MS,
  type CallFailure,
  type DeclaredReason,
} from '../../core/errors.js';
import type { PolicyContext } from '../../core/policy.js';
import type { AdaptiveLimit } from './adaptive-limit.js';
import { FairQueue } from './fair-queue.js';
import type { BulkheadOptions } from './options.js';
import { reasons } from './reasons.js';
import { Streams } from './streams.js';
import { FifoQueue, type Line, type Queue, type Waiter, type Waiting } from './waiting-line.js';

/** A slot that came after a wait. */
export interface Admission {
  readonly waitedMs: number;
  /** Gives it back. */
  readonly release: () => void;
}

/** Below all arrivals of newcomers: see `Waiter`. */
const FIRST_RETURN = Number.MIN_SAFE_INTEGER;

/**
 * The slots and the queue before them. A slot that comes back goes at once to the first waiter that may have it. So no
 * call waits while there is a free slot for it, and no later call overtakes the queue.
 */
export class Bulkhead {
  #options: BulkheadOptions;
  readonly #context: PolicyContext;
  #queue: Queue;
  #adaptive: AdaptiveLimit | undefined;
  #active = 0;
  /** Calls in back-off: each had a slot, and has given it back. */
  #resting = 0;
  readonly #streams = new Streams();
  #arrivals = 0;
  #returns = FIRST_RETURN;

  constructor(options: BulkheadOptions, context: PolicyContext) {
    this.#options = options;
    this.#context = context;
    this.#queue = this.#createQueue();
  }

  get active(): number {
    return this.#active;
  }

  get queued(): number {
    return this.#queue.length;
  }

  get streams(): number {
    return this.#streams.open;
  }

  get limit(): number {
    return this.#adaptive === undefined ? this.#options.maxConcurrent : this.#adaptive.limit;
  }

  /**
   * A raised limit lets waiters in at once; a lowered one is reached as slots come back. Who waits goes on waiting, also
   * where the keys become others; slots are counted by key from then on.
   * @param adaptive the limit that moves, if there is one.
   */
  configure(options: BulkheadOptions, adaptive: AdaptiveLimit | undefined): void {
    this.#options = options;
    this.#adaptive = adaptive;
    if (!this.#queue.configure(options.perKey)) this.#replaceQueue();
    this.#admitWaiters();
  }

  /** The line that the call is counted in; for `tryAdmit` and `queue`, before anything else happens. */
  lineOf(call: Waiting): Line {
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
  queue(call: Waiting, line: Line): Promise<Admission> {
    if (this.queued >= this.#options.maxQueue) {
      const victim = this.#queue.findVictim(line);
      if (victim === undefined) return Promise.reject(this.#full(call, line));
      victim.settle(this.#pushedOut(victim.call));
    }
    return this.#admission(call, line, this.#arrivals++);
  }

  /** As `queue`, before all that have never had a slot. `maxQueue` does not bind: the call was admitted before. */
  queueAgain(call: Waiting, line: Line): Promise<Admission> {
    // Without limits per key there are never so many.
    if (this.#queue.returns >= this.#options.maxConcurrent) {
      return Promise.reject(this.#full(call, line));
    }
    return this.#admission(call, line, this.#returns++);
  }

  /** Whether one more call may give its slot back for a back-off. */
  get mayRest(): boolean {
    return this.#resting < this.#options.maxConcurrent;
  }

  /** A call begins (1) or ends (-1) its back-off. */
  countResting(change: 1 | -1): void {
    this.#resting += change;
  }

  /**
   * A response without a planned end has begun, in place of the call's slot; pair it with `closeStream`.
   * @throws CallError `bulkhead-full` where there are too many.
   */
  openStream(call: Waiting): void {
    const { maxStreams } = this.#options;
    if (this.#streams.tryAdd(maxStreams)) return;
    const why = `all ${maxStreams} streams that its bulkhead allows are open`;
    throw this.#refuse(reasons['bulkhead-full'], call, why);
  }

  closeStream(): void {
    this.#streams.remove();
  }

  async #admission(call: Waiting, line: Line, arrival: number): Promise<Admission> {
    const admission = await this.#wait(call, line, arrival);
    // The slot came, but before this line ran the call was ended.
    if (call.cancelled !== undefined) {
      admission.release();
      throw call.cancelled;
    }
    return admission;
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
      this.#queue.add(waiter, this.#queue.lineOf(waiter.call));
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

  #wait(call: Waiting, line: Line, arrival: number): Promise<Admission> {
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
      const waiter: Waiter = { call, line, arrival, settle, previous: undefined, next: undefined };
      this.#queue.add(waiter, line);
      call.onCancel(settle);
    });
  }

  #full(call: Waiting, line: Line): CallError {
    const why = `all ${this.#slotsFor(line)} are taken and ${this.queued} calls wait already${this.#streams.describe()}`;
    return this.#refuse(reasons['bulkhead-full'], call, why);
  }

  #pushedOut(call: Waiting): CallError {
    const why = `the queue of its bulkhead is full with ${this.#options.maxQueue} calls and a caller with fewer among them came`;
    return this.#refuse(reasons['bulkhead-full'], call, why);
  }

  #timedOut(call: Waiting, line: Line, afterMs: number): CallError {
    const why = `none of the ${this.#slotsFor(line)} came free within ${afterMs} ms${this.#streams.describe()}`;
    return this.#refuse(reasons['bulkhead-timeout'], call, why);
  }

  #slotsFor(line: Line): string {
    return this.#queue.bottleneck(line) ?? `${this.limit} slots of its bulkhead`;
  }

  #refuse(reason: DeclaredReason, call: Waiting, why: string): CallError {
    const { queueTimeout } = this.#options;
    return new CallError(
      reason,
      `Cannot admit ${call.method} to ${this.#context.upstream} because ${why}`,
      { retryAfterMs: queueTimeout === 'off' ? DEFAULT_RETRY_AFTER_MS : queueTimeout },
    );
  }
}
