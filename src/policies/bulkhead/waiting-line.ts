/** The bulkhead's waiting line, first in, first out; and what any way of queueing before a bulkhead has to offer it. */
import type { Call } from '../../core/call.js';
import type { CallFailure } from '../../core/errors.js';
import type { Off } from '../../core/options.js';
import type { PerKeyOptions } from './options.js';

/** What a bulkhead needs of a call. */
export type Waiting = Pick<
  Call,
  'method' | 'headers' | 'cancelled' | 'onCancel' | 'offCancel' | 'waitedMs'
>;

/** A queued call, linked to its neighbours so that it can leave from anywhere at once. */
export interface Waiter {
  readonly call: Waiting;
  /** Where it waits. A reload may move it. */
  line: Line;
  /** Its place among all arrivals: later ones have more. Below 0: the call had a slot before, and comes first. */
  readonly arrival: number;
  /** Ends the wait: with a slot, or with `error`. */
  readonly settle: (error?: CallFailure) => void;
  previous: Waiter | undefined;
  next: Waiter | undefined;
}

/** Calls that are counted together, and those of them that wait. */
export class Line {
  /** Gives back a slot that one of these calls holds. */
  readonly release: () => void;
  #first: Waiter | undefined;
  #last: Waiter | undefined;
  /** The last of those that had a slot before; all of them stand in front. */
  #lastReturn: Waiter | undefined;
  #length = 0;
  #returns = 0;

  constructor(release: () => void) {
    this.release = release;
  }

  get first(): Waiter | undefined {
    return this.#first;
  }

  get last(): Waiter | undefined {
    return this.#last;
  }

  get length(): number {
    return this.#length;
  }

  /** How many of them had a slot before. */
  get returns(): number {
    return this.#returns;
  }

  /** Behind those of its kind. */
  add(waiter: Waiter): void {
    waiter.line = this;
    const isReturn = waiter.arrival < 0;
    const previous = isReturn ? this.#lastReturn : this.#last;
    const next = isReturn && previous === undefined ? this.#first : previous?.next;
    waiter.previous = previous;
    waiter.next = next;
    if (previous === undefined) this.#first = waiter;
    else previous.next = waiter;
    if (next === undefined) this.#last = waiter;
    else next.previous = waiter;
    this.#length++;
    if (!isReturn) return;
    this.#lastReturn = waiter;
    this.#returns++;
  }

  remove(waiter: Waiter): void {
    const { previous, next } = waiter;
    if (waiter.arrival < 0) {
      if (this.#lastReturn === waiter) this.#lastReturn = previous;
      this.#returns--;
    }
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    // One that is dead but not yet collected would keep all that came after it alive.
    waiter.previous = undefined;
    waiter.next = undefined;
    this.#length--;
  }

  /** In order of arrival. */
  waiters(): Waiter[] {
    const waiters = [];
    for (let waiter = this.#first; waiter !== undefined; waiter = waiter.next) waiters.push(waiter);
    return waiters;
  }
}

/**
 * The calls that wait, and their order. The bulkhead counts the slots that all share; a queue may hold calls back although
 * one of these is free. Whenever a slot is free, the queue is asked for the next call until it has none that may enter. So a
 * new call that may enter never finds another one waiting that may enter too.
 */
export interface Queue {
  /** Calls that wait. */
  readonly length: number;
  /** Those of them that had a slot before. */
  readonly returns: number;
  /** Takes another limit over, for those who come and those who wait. @returns false where another queue is needed. */
  configure(perKey: PerKeyOptions | Off): boolean;
  /** The line that a call is counted and waits in. To ask leaves nothing behind. */
  lineOf(call: Waiting): Line;
  /** Takes a slot for a call of the line, where its own limit, if it has one, allows that. */
  tryEnter(line: Line): boolean;
  add(waiter: Waiter, line: Line): void;
  remove(waiter: Waiter): void;
  /** Whose turn it is, with the slot taken for it; it is still to be removed. */
  enterNext(): Waiter | undefined;
  /** Which call has to make room in a full queue for a newcomer to the line; none that had a slot before. */
  findVictim(line: Line): Waiter | undefined;
  /** What stands in the way of the line besides the slots that all share: words for a message. */
  bottleneck(line: Line): string | undefined;
  /** All who wait, in order of arrival; a list that stays as it is. */
  waiters(): Waiter[];
}

/** One line for all, without limits of its own. */
export class FifoQueue implements Queue {
  readonly #line: Line;

  /** @param giveBack returns a slot to those that all share. */
  constructor(giveBack: () => void) {
    this.#line = new Line(giveBack);
  }

  get length(): number {
    return this.#line.length;
  }

  get returns(): number {
    return this.#line.returns;
  }

  configure(perKey: PerKeyOptions | Off): boolean {
    return perKey === 'off';
  }

  lineOf(): Line {
    return this.#line;
  }

  tryEnter(): boolean {
    return true;
  }

  add(waiter: Waiter): void {
    this.#line.add(waiter);
  }

  remove(waiter: Waiter): void {
    this.#line.remove(waiter);
  }

  enterNext(): Waiter | undefined {
    return this.#line.first;
  }

  findVictim(): undefined {
    return undefined;
  }

  bottleneck(): undefined {
    return undefined;
  }

  waiters(): Waiter[] {
    return this.#line.waiters();
  }
}
