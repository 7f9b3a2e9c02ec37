/** Responses without a planned end that are open: they hold no slots, but load the upstream all the same. */
import type { Off } from '../../core/options.js';

export class Streams {
  #open = 0;

  get open(): number {
    return this.#open;
  }

  /** Counts one more; pair it with `remove`. @returns false, and counts nothing, where there are `max` already. */
  tryAdd(max: number | Off): boolean {
    if (max !== 'off' && this.#open >= max) return false;
    this.#open++;
    return true;
  }

  remove(): void {
    this.#open--;
  }

  /** For the end of a sentence about slots. */
  describe(): string {
    if (this.#open === 0) return '';
    return `; besides, ${this.#open} ${this.#open === 1 ? 'stream is' : 'streams are'} open`;
  }
}
