/** The strategy `random`: by weight. */
import type { Call } from '../../core/call.js';
import type { Random } from '../../core/clock.js';
import type { Balanced, Balancer } from './balancer.js';
import { WeightedDraw } from './weighted-draw.js';

export class RandomBalancer<E extends Balanced> implements Balancer<E> {
  readonly #draw: WeightedDraw<E>;

  constructor(random: Random) {
    this.#draw = new WeightedDraw(random);
  }

  update(endpoints: readonly E[]): void {
    this.#draw.update(endpoints);
  }

  pick(call: Call, nowMs: number): E | undefined {
    return this.#draw.draw(call, nowMs);
  }
}
