/** One call's slot, from its admission to its end: held, given back while the call waits, and taken again. */
import type { EmitOf } from '../../core/events.js';
import type { Slot } from '../../core/slot.js';
import type { Admission, Bulkhead } from './bulkhead.js';
import type { Admitted } from './instruments.js';
import type { Waiting } from './waiting-line.js';

/** The common case, allocated once. */
const ADMITTED_AT_ONCE: Admitted = { type: 'bulkhead-admitted', waitedMs: 0 };

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
  readonly #call: Waiting;
  readonly #emit: EmitOf<Admitted>;
  /** Undefined while none is held. */
  #giveBack: (() => void) | undefined;
  #isResting = false;
  #isStream = false;

  constructor(bulkhead: Bulkhead, call: Waiting, emit: EmitOf<Admitted>) {
    this.#bulkhead = bulkhead;
    this.#call = call;
    this.#emit = emit;
  }

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

  endRest(): void {
    if (!this.#isResting) return;
    this.#isResting = false;
    this.#bulkhead.countResting(-1);
  }

  becomeStream(): void {
    this.#bulkhead.openStream(this.#call);
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
    const { release, waitedMs } = await admission;
    this.#take(release, { type: 'bulkhead-admitted', waitedMs });
  }

  #returnSlot(): void {
    const giveBack = this.#giveBack;
    this.#giveBack = undefined;
    giveBack?.();
  }
}
