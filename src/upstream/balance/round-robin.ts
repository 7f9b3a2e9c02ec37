/** The strategy `round-robin`: in turn, by weight. */
import type { Call } from '../../core/call.js';
import type { Random } from '../../core/clock.js';
import type { Balanced, Balancer } from './balancer.js';
import { prepareTurns } from './turns.js';
import { WeightedDraw } from './weighted-draw.js';

export class RoundRobinBalancer<E extends Balanced> implements Balancer<E> {
  readonly #random: Random;
  readonly #draw: WeightedDraw<E>;
  #endpoints: readonly E[] = [];
  #turns: Uint32Array = new Uint32Array();
  #next = 0;

  constructor(random: Random) {
    this.#random = random;
    this.#draw = new WeightedDraw(random);
  }

  update(endpoints: readonly E[]): void {
    this.#endpoints = endpoints;
    this.#draw.update(endpoints);
    if (endpoints.length === 0) return;
    this.#turns = prepareTurns(endpoints.map(({ weight }) => weight));
    // Otherwise many sidecars that learn of a change at the same time would send their next calls to the same endpoint.
    this.#next = Math.floor(this.#random() * this.#turns.length);
  }

  pick(call: Call, nowMs: number): E | undefined {
    if (this.#endpoints.length <= 1) return this.#endpoints[0];
    // A retry takes no turn: it must avoid some endpoints, and would disturb the order of the others.
    if (call.triedEndpoints.length > 0) return this.#draw.draw(call, nowMs);
    const endpoint = this.#endpoints[this.#turns[this.#next]!]!;
    this.#next = this.#next + 1 === this.#turns.length ? 0 : this.#next + 1;
    // The turn that a starting endpoint leaves out goes to a random one, because the next in order would get them all.
    return this.#draw.accepts(endpoint, nowMs) ? endpoint : this.#draw.draw(call, nowMs);
  }
}
