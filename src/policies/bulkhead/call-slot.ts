/** One call's slot, from its admission to its end: held, given back while the call waits, and taken again. */
import type { Call } from '../../core/call.js';
import type { EmitOf } from '../../core/events.js';
import type { Slot } from '../../core/slot.js';
import type { Admission, Bulkhead } from './bulkhead.js';
import type { Admitted, QueueEvent } from './instruments.js';
import type { Waiting } from './waiting-line.js';

/** The common case, allocated once. */
const ADMITTED_AT_ONCE: Admitted = { type: 'bulkhead-admitted', waitedMs: 0, call: undefined };

/** As the bulkhead itself sees the slot. */
export interface HeldSlot extends Slot {
  /** Takes the call's first slot. @returns undefined where it has it at once. */
  acquire(): Promise<void> | undefined;
  /** The call does not wait any more, whether it has a slot again or not. */
  endRest(): void;
  /**
   * A response without a planned end has begun: it counts as a stream, and needs no slot.
   * @throws CallError `bulkhead-full` where there are too many.
   */
  becomeStream(): void;
  /** The call is over. */
  close(): void;
}

export class CallSlot implements HeldSlot {
  readonly #bulkhead: Bulkhead;
  readonly #waiting: Waiting;
  readonly #call: Call | undefined;
  readonly #emit: EmitOf<QueueEvent>;
  /** Undefined while none is held. */
  #giveBack: (() => void) | undefined;
  #isResting = false;
  #isStream = false;

  /** @param call undefined where something else waits in its place. */
  constructor(
    bulkhead: Bulkhead,
    waiting: Waiting,
    emit: EmitOf<QueueEvent>,
    call: Call | undefined,
  ) {
    this.#bulkhead = bulkhead;
    this.#waiting = waiting;
    this.#call = call;
    this.#emit = emit;
  }

  acquire(): Promise<void> | undefined {
    const line = this.#bulkhead.lineOf(this.#waiting);
    if (this.#bulkhead.tryAdmit(line)) return this.#take(line.release, ADMITTED_AT_ONCE);
    return this.#await(this.#bulkhead.queue(this.#waiting, line));
  }

  get mayRelease(): boolean {
    return this.#bulkhead.mayRest;
  }

  release(): void {
    this.#isResting = true;
    this.#bulkhead.countResting(1);
    this.#returnSlot();
  }

  async reacquire(): Promise<void> {
    this.endRest();
    if (this.#waiting.cancelled !== undefined) throw this.#waiting.cancelled;
    // After a reload it may be another one than before.
    const line = this.#bulkhead.lineOf(this.#waiting);
    if (this.#bulkhead.tryAdmit(line)) this.#take(line.release, ADMITTED_AT_ONCE);
    else await this.#await(this.#bulkhead.queueAgain(this.#waiting, line));
  }

  endRest(): void {
    if (!this.#isResting) return;
    this.#isResting = false;
    this.#bulkhead.countResting(-1);
  }

  becomeStream(): void {
    this.#bulkhead.openStream(this.#waiting);
    this.#isStream = true;
    this.endRest();
    this.#returnSlot();
  }

  close(): void {
    this.endRest();
    this.#returnSlot();
    if (!this.#isStream) return;
    this.#isStream = false;
    this.#bulkhead.closeStream();
  }

  #take(giveBack: () => void, admitted: Admitted): undefined {
    this.#giveBack = giveBack;
    this.#emit(admitted);
  }

  async #await(admission: Promise<Admission>): Promise<void> {
    const call = this.#call;
    const waiting = this.#waiting;
    const beforeMs = waiting.waitedMs;
    try {
      const { release, waitedMs } = await admission;
      this.#take(release, { type: 'bulkhead-admitted', waitedMs, call });
    } catch (error) {
      const waitedMs = waiting.waitedMs - beforeMs;
      if (waitedMs > 0) this.#emit({ type: 'bulkhead-left', waitedMs, call });
      throw error;
    }
  }

  #returnSlot(): void {
    const giveBack = this.#giveBack;
    this.#giveBack = undefined;
    giveBack?.();
  }
}
