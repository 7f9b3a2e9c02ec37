/** Draws the faults of an upstream or a route by their shares. */
import type { Random } from '../../core/clock.js';
import type { Off } from '../../core/options.js';
import type { Fault } from './fault.js';
import type { FaultOptions } from './options.js';

const shareOf = (part: { readonly share: number } | Off) => (part === 'off' ? 0 : part.share);

export class FaultSource {
  readonly options: FaultOptions;
  readonly #random: Random;
  #left: number;

  constructor(options: FaultOptions, random: Random) {
    this.options = options;
    this.#random = random;
    this.#left = options.first ?? Infinity;
  }

  /** How many attempts may still get a fault; undefined where there is no end. */
  get left(): number | undefined {
    return this.#left === Infinity ? undefined : this.#left;
  }

  /** For the next attempt; undefined where it gets none. */
  draw(): Fault | undefined {
    if (this.#left === 0) return undefined;
    const { delay } = this.options;
    const delayMs = delay !== 'off' && this.#random() < delay.share ? delay.time : 0;
    const end = this.#drawEnd();
    if (delayMs === 0 && end === undefined) return undefined;
    this.#left -= 1;
    return { delayMs, end };
  }

  /** One number for both, so that each has its share: an attempt can end only once. */
  #drawEnd(): Fault['end'] {
    const { abort, reset } = this.options;
    if (abort === 'off' && reset === 'off') return undefined;
    const drawn = this.#random();
    if (abort !== 'off' && drawn < abort.share) return abort.status;
    return drawn < shareOf(abort) + shareOf(reset) ? 'reset' : undefined;
  }
}
