/**
 * A bulkhead in shadow: calls run at once, while a second bulkhead plays what they would do if they had to wait for slots.
 * A call that would have waited for 200 ms would also have begun and ended 200 ms later. Without that, calls that run now
 * although they would still wait would make the bulkhead look emptier than it would be.
 */
import type { Call } from '../../core/call.js';
import type { Clock } from '../../core/clock.js';
import { CallError, type CallFailure, type Reason } from '../../core/errors.js';
import type { EmitOf } from '../../core/events.js';
import type { Shadow } from '../../core/shadow.js';
import type { Bulkhead } from './bulkhead.js';
import { CallSlot, type HeldSlot } from './call-slot.js';
import type { QueueEvent, WouldAdmit } from './instruments.js';
import type { BulkheadOptions } from './options.js';
import { reasons } from './reasons.js';
import type { Waiting } from './waiting-line.js';

/** For the bulkhead that the calls really pass: it only counts them. */
export const withoutLimits = (options: BulkheadOptions): BulkheadOptions => ({
  ...options,
  maxConcurrent: Infinity,
  maxStreams: 'off',
  perKey: 'off',
  adaptive: 'off',
});

/** What all calls share. */
export interface Rehearsal {
  readonly bulkhead: Bulkhead;
  readonly shadow: Shadow;
  readonly clock: Clock;
  readonly emit: EmitOf<WouldAdmit>;
}

/** Stands for the call at the second bulkhead, so that its waits are not the call's. */
class Double implements Waiting {
  readonly #call: Call;
  readonly method: string;
  readonly headers: Call['headers'];
  waitedMs = 0;

  constructor(call: Call) {
    this.#call = call;
    this.method = call.method;
    this.headers = call.headers;
  }

  get cancelled(): CallFailure | undefined {
    return this.#call.cancelled;
  }

  onCancel(listener: (why: CallFailure) => void): void {
    this.#call.onCancel(listener);
  }

  offCancel(listener: (why: CallFailure) => void): void {
    this.#call.offCancel(listener);
  }
}

/** @returns the wait for a slot, where there is one. */
type Step = (slot: CallSlot) => Promise<void> | undefined | void;

/** The slot of a call that really runs, and the one that it would have. */
export class ShadowSlot implements HeldSlot {
  readonly #rehearsal: Rehearsal;
  readonly #call: Call;
  readonly #real: CallSlot;
  readonly #double: Double;
  readonly #played: CallSlot;
  /** The steps that are still to be played; undefined as long as none had to wait. */
  #steps: Promise<void> | undefined;
  /** The call would have ended, or has. */
  #isOver = false;

  constructor(rehearsal: Rehearsal, call: Call, real: CallSlot) {
    this.#rehearsal = rehearsal;
    this.#call = call;
    this.#real = real;
    this.#double = new Double(call);
    const emit = ({ type, waitedMs }: QueueEvent): void => {
      if (type !== 'bulkhead-admitted') return;
      rehearsal.emit({ type: 'bulkhead-would-admit', waitedMs });
    };
    this.#played = new CallSlot(rehearsal.bulkhead, this.#double, emit, undefined);
  }

  acquire(): Promise<void> | undefined {
    this.#play((slot) => slot.acquire());
    return this.#real.acquire();
  }

  get mayRelease(): boolean {
    return this.#real.mayRelease;
  }

  release(): void {
    this.#play((slot) => {
      if (slot.mayRelease) slot.release();
      else this.#refuse(reasons['bulkhead-full'].name);
    });
    this.#real.release();
  }

  reacquire(): Promise<void> {
    this.#play((slot) => slot.reacquire());
    return this.#real.reacquire();
  }

  endRest(): void {
    this.#play((slot) => slot.endRest());
    this.#real.endRest();
  }

  becomeStream(): void {
    this.#play((slot) => slot.becomeStream());
    this.#real.becomeStream();
  }

  close(): void {
    // A client that leaves, or a deadline, would not have come later.
    if (this.#call.cancelled !== undefined) this.#end();
    else this.#play((slot) => slot.close());
    this.#real.close();
  }

  /** At once, or after the steps before it, and as much later as the call would have waited so far. */
  #play(step: Step): void {
    if (this.#steps === undefined) {
      this.#steps = this.#take(step);
      return;
    }
    this.#steps = this.#takeAfter(this.#steps, step);
  }

  async #takeAfter(before: Promise<void>, step: Step): Promise<void> {
    const atMs = this.#rehearsal.clock.now();
    await before;
    await this.#until(atMs + this.#double.waitedMs);
    await this.#take(step);
  }

  #take(step: Step): Promise<void> | undefined {
    if (this.#isOver) return undefined;
    try {
      return step(this.#played)?.catch((error: unknown) => this.#fail(error));
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  #fail(error: unknown): void {
    if (error instanceof CallError) this.#refuse(error.reason);
    this.#end();
  }

  /** Where the call was ended from outside, the reason is none of the bulkhead's. */
  #refuse(reason: Reason): void {
    const { shadow } = this.#rehearsal;
    if (shadow.reasons.includes(reason)) shadow.note(this.#call, reason);
    this.#end();
  }

  #end(): void {
    this.#isOver = true;
    this.#played.close();
  }

  async #until(atMs: number): Promise<void> {
    const { clock } = this.#rehearsal;
    const leftMs = atMs - clock.now();
    if (leftMs > 0) await new Promise<void>((resolve) => clock.schedule(leftMs, resolve));
  }
}
