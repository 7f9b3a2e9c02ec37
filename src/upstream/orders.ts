/** Settings that operators have set for a time, in place of those of the file. */
import type { Clock, Timer } from '../core/clock.js';
import type { Layers } from '../core/layers.js';
import type { AnyLayer } from '../core/pipeline.js';

/** The settings of one policy, of an upstream or of a route. */
export interface Order {
  /** Empty for the upstream's own. */
  readonly route: string;
  readonly policy: string;
  readonly settings: unknown;
  /** In monotonic ms. */
  readonly endsAtMs: number;
  /** Undefined where the settings switch the policy off. */
  readonly layer: AnyLayer | undefined;
}

/** Those of one upstream and its routes. */
export class Orders {
  readonly #clock: Clock;
  readonly #onEnd: (order: Order) => void;
  readonly #orders = new Map<string, { readonly order: Order; readonly timer: Timer }>();

  /** @param onEnd the time of an order is over; it is gone by then. */
  constructor(clock: Clock, onEnd: (order: Order) => void) {
    this.#clock = clock;
    this.#onEnd = onEnd;
  }

  /** Replaces an earlier one for the same policy and route. */
  put(order: Order): void {
    this.lift(order.route, order.policy);
    const timer = this.#clock.schedule(order.endsAtMs - this.#clock.now(), () => {
      this.lift(order.route, order.policy);
      this.#onEnd(order);
    });
    this.#orders.set(keyOf(order), { order, timer });
  }

  lift(route: string, policy: string): void {
    const key = keyOf({ route, policy });
    this.#orders.get(key)?.timer.cancel();
    this.#orders.delete(key);
  }

  list(): Order[] {
    return [...this.#orders.values()].map(({ order }) => order);
  }

  /** Of that route, or, where it is empty, of the upstream itself. */
  has(route: string): boolean {
    return this.#orders.size > 0 && this.list().some((order) => order.route === route);
  }

  /** @param route empty for the upstream's own. @returns the layers that take the place of those of the file. */
  layersOf(route: string): Layers {
    const own = this.list().filter((order) => order.route === route);
    return Object.fromEntries(own.map(({ policy, layer }) => [policy, layer]));
  }

  /** None of them ends any more. */
  stop(): void {
    for (const { timer } of this.#orders.values()) timer.cancel();
  }
}

// No name has a slash.
const keyOf = ({ route, policy }: Pick<Order, 'route' | 'policy'>) => `${route}/${policy}`;
