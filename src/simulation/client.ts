/** The connections to a simulated server, in the place of those of the transport. */
import type { Clock } from '../core/clock.js';
import {
  ConnectTimeout,
  NOT_CONNECTED,
  type HttpClient,
  type OutboundRequest,
  type ResponseHandler,
} from '../outbound/client.js';
import { ServedRequest, type SimulatedServer } from './server.js';

/** Keeps connections for further requests, as the real client does. */
export class SimulatedClient implements HttpClient {
  readonly #server: SimulatedServer;
  readonly #clock: Clock;
  /** 0 for none. */
  readonly #connectTimeoutMs: number;
  #idle = 0;
  #generation: number;

  constructor(server: SimulatedServer, clock: Clock, connectTimeoutMs: number) {
    this.#server = server;
    this.#clock = clock;
    this.#connectTimeoutMs = connectTimeoutMs;
    this.#generation = server.generation;
  }

  dispatch(request: OutboundRequest, handler: ResponseHandler): void {
    this.#forgetClosed();
    const isReused = this.#idle > 0;
    if (isReused) this.#idle -= 1;
    const stopWaiting = isReused ? () => {} : this.#limitWait(handler);
    const { generation } = this.#server;
    const onIdle = (): void => {
      this.#forgetClosed();
      if (this.#server.keepsConnections && generation === this.#generation) this.#idle += 1;
    };
    const connection = { onOpen: stopWaiting, onIdle };
    this.#server.serve(new ServedRequest(request, handler, isReused, connection));
  }

  release(): void {}
  destroy(): void {}

  /** Gives up the opening of a connection in time. @returns what ends that wait. */
  #limitWait(handler: ResponseHandler): () => void {
    const limitMs = this.#connectTimeoutMs;
    if (limitMs === 0) return () => {};
    const timer = this.#clock.schedule(limitMs, () => {
      if (handler.isOver) return;
      const error = new ConnectTimeout(`no connection came about within ${limitMs} ms`);
      handler.onFailure(error, NOT_CONNECTED);
    });
    return () => timer.cancel();
  }

  #forgetClosed(): void {
    const { generation } = this.#server;
    if (generation === this.#generation) return;
    this.#generation = generation;
    this.#idle = 0;
  }
}
