/** Holds heads of responses back until all has been read that came with them. */
import type { Exchange } from './exchange.js';

export class HeldHeads {
  #held: Exchange[] = [];

  add(exchange: Exchange): void {
    if (this.#held.push(exchange) === 1) setImmediate(this.#release);
  }

  readonly #release = (): void => {
    const held = this.#held;
    this.#held = [];
    for (const exchange of held) exchange.release();
  };
}
