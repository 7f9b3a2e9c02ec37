/** The endpoints of an upstream, and which of them an attempt goes to. */
import type { Attempt } from '../core/attempt.js';
import type { PoolContext, PoolOptions } from '../outbound/http1/connection-pool.js';
import { Endpoint } from './endpoint.js';

/** A set of one: the target. */
export class EndpointSet {
  readonly #endpoint: Endpoint;

  /** @param previous the set before a reload: connections go on where they lead to the same target. */
  constructor(options: PoolOptions, context: PoolContext, previous: EndpointSet | undefined) {
    this.#endpoint = new Endpoint(options, context, previous && previous.#endpoint);
  }

  /** Where the attempt goes. */
  readonly choose = (_attempt: Attempt): Endpoint => this.#endpoint;

  /** Closes connections that no later configuration has taken over; no request may be under way then. */
  release(): void {
    this.#endpoint.client.release();
  }

  /** Ends all connections at once; requests on them fail. */
  destroy(): void {
    this.#endpoint.client.destroy();
  }
}
