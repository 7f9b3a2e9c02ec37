/** The strategy `least-request`: of two random endpoints that with fewer calls in flight ("the power of two choices"). */
import type { Call } from '../../core/call.js';
import type { Random } from '../../core/clock.js';
import type { Balanced, Balancer } from './balancer.js';
import { WeightedDraw } from './weighted-draw.js';

/** How often the second endpoint is drawn by weight, until it is not the first one again. */
const MAX_SAME = 4;

export class LeastRequestBalancer<E extends Balanced> implements Balancer<E> {
  readonly #draw: WeightedDraw<E>;

  constructor(random: Random) {
    this.#draw = new WeightedDraw(random);
  }

  update(endpoints: readonly E[]): void {
    this.#draw.update(endpoints);
  }

  pick(call: Call, nowMs: number): E | undefined {
    const first = this.#draw.draw(call, nowMs);
    // No endpoint has fewer. Without load the first one is taken in any case, so that calls go by weight.
    if (first === undefined || first.active === 0) return first;
    const second = this.#drawSecond(first, call, nowMs);
    return loadOf(second, nowMs) < loadOf(first, nowMs) ? second : first;
  }

  /** @returns `first` where there is no other one to compare it with. */
  #drawSecond(first: E, call: Call, nowMs: number): E {
    for (let i = 0; i < MAX_SAME; i++) {
      const second = this.#draw.draw(call, nowMs)!;
      if (second !== first) return second;
    }
    // One endpoint has nearly all the weight, or is the only one that the call has not tried.
    const other = this.#draw.drawOther(first, call);
    return other !== undefined && this.#draw.accepts(other, nowMs) ? other : first;
  }
}

/** Calls in flight per weight, as far as the endpoint takes its weight by now. */
const loadOf = (endpoint: Balanced, nowMs: number) =>
  endpoint.active / (endpoint.weight * endpoint.shareAt(nowMs));
