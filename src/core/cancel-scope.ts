/** A call or an attempt that can be cancelled from outside. */
import type { CallFailure } from './errors.js';

/** Is told once why its scope ends. */
export type CancelListener = (why: CallFailure) => void;

/**
 * One object lives as long as its call or attempt. Nearly always it has one listener, so the first listener is a field;
 * only a second one makes a list.
 */
export class CancelScope {
  #cancelled: CallFailure | undefined;
  #first: CancelListener | undefined;
  #others: CancelListener[] | undefined;

  /** Why this was ended from outside, if it was. */
  get cancelled(): CallFailure | undefined {
    return this.#cancelled;
  }

  /** Ends it: the client left, its time is up, another attempt won, or the process stops. The first reason stands. */
  cancel(why: CallFailure): void {
    if (this.#cancelled !== undefined) return;
    this.#cancelled = why;
    for (let listener = this.#take(); listener !== undefined; listener = this.#take()) {
      listener(why);
    }
  }

  /** Calls `listener` when this is cancelled. Check `cancelled` first: an earlier cancellation is not reported. */
  onCancel(listener: CancelListener): void {
    if (this.#first === undefined) this.#first = listener;
    else (this.#others ??= []).push(listener);
  }

  /** Removes `listener`, if it is there. */
  offCancel(listener: CancelListener): void {
    if (this.#first === listener) {
      this.#first = undefined;
      return;
    }
    const index = this.#others?.indexOf(listener) ?? -1;
    if (index !== -1) this.#others!.splice(index, 1);
  }

  #take(): CancelListener | undefined {
    const first = this.#first;
    this.#first = undefined;
    return first ?? this.#others?.shift();
  }
}
