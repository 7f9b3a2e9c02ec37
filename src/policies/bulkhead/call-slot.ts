/** One call's slot, from its admission to its end: held, given back while the call waits, and taken again. */
import type { Call } from '../../core/call.js';
import type { EmitOf } from '../../core/events.js';
import type { Slot } from '../../core/slot.js';
import type { Admission, Bulkhead } from './bulkhead.js';
import type { Admitted, QueueEvent } from './instruments.js';

/** The common case, allocated once. */
const ADMITTED_AT_ONCE: Admitted = { type: 'bulkhead-admitted', waitedMs: 0, call: undefined };

export class CallSlot implements Slot {
  readonly #bulkhead: Bulkhead;
  readonly #call: Call;
  readonly #emit: EmitOf<QueueEvent>;
  /** Undefined while none is held. */
  #giveBack: (() => void) | undefined;
  #isResting = false;

  constructor(bulkhead: Bulkhead, call: Call, emit: EmitOf<QueueEvent>) {
    this.#bulkhead = bulkhead;
    this.#call = call;
    this.#emit = emit;
  }

  /** Takes the call's first slot. @returns undefined where it has it at once. */
  acquire(): Promise<void> | undefined {
    const line = this.#bulkhead.lineOf(this.#call);
    if (this.#bulkhead.tryAdmit(line)) return this.#take(line.release, ADMITTED_AT_ONCE);
    return this.#await(this.#bulkhead.queue(this.#call, line));
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
    if (this.#call.cancelled !== undefined) throw this.#call.cancelled;
    // After a reload it may be another one than before.
    const line = this.#bulkhead.lineOf(this.#call);
    if (this.#bulkhead.tryAdmit(line)) this.#take(line.release, ADMITTED_AT_ONCE);
    else await this.#await(this.#bulkhead.queueAgain(this.#call, line));
  }

  /** The call does not wait any more, whether it has a slot again or not. */
  endRest(): void {
    if (!this.#isResting) return;
    this.#isResting = false;
    this.#bulkhead.countResting(-1);
  }

  /** The call needs no slot any more. Does nothing where it holds none. */
  close(): void {
    this.endRest();
    this.#returnSlot();
  }

  #take(giveBack: () => void, admitted: Admitted): undefined {
    this.#giveBack = giveBack;
    this.#emit(admitted);
  }

  async #await(admission: Promise<Admission>): Promise<void> {
    const call = this.#call;
    const beforeMs = call.waitedMs;
    try {
      const { release, waitedMs } = await admission;
      this.#take(release, { type: 'bulkhead-admitted', waitedMs, call });
    } catch (error) {
      const waitedMs = call.waitedMs - beforeMs;
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
