/** The connections to a simulated server, in the place of those of the transport. */
import type { HttpClient, OutboundRequest, ResponseHandler } from '../outbound/client.js';
import { ServedRequest, type SimulatedServer } from './server.js';

/**
 * Keeps connections for further requests, as the real client does. The opening of a connection has no limit of its own:
 * the timeouts of attempts have one.
 */
export class SimulatedClient implements HttpClient {
  readonly #server: SimulatedServer;
  #idle = 0;
  #generation: number;

  constructor(server: SimulatedServer) {
    this.#server = server;
    this.#generation = server.generation;
  }

  dispatch(request: OutboundRequest, handler: ResponseHandler): void {
    this.#forgetClosed();
    const isReused = this.#idle > 0;
    if (isReused) this.#idle -= 1;
    const { generation } = this.#server;
    const onIdle = (): void => {
      this.#forgetClosed();
      if (this.#server.keepsConnections && generation === this.#generation) this.#idle += 1;
    };
    this.#server.serve(new ServedRequest(request, handler, isReused, onIdle));
  }

  release(): void {}
  destroy(): void {}

  #forgetClosed(): void {
    const { generation } = this.#server;
    if (generation === this.#generation) return;
    this.#generation = generation;
    this.#idle = 0;
  }
}
