/** One address of an upstream, with the connections to it. */
import type { Clock } from '../core/clock.js';
import type { Target, TlsOptions } from '../core/model.js';
import type { HttpClient } from '../outbound/client.js';
import type { Destination } from '../outbound/dispatch.js';
import { ConnectionPool, hostOf } from '../outbound/http1/connection-pool.js';

export interface EndpointOptions {
  readonly target: Target;
  readonly tls: TlsOptions | undefined;
  /** Longest wait for a connection, in ms; 0 for none. */
  readonly connectTimeoutMs: number;
  /** Longest head of a response, in bytes. */
  readonly maxHeaderSize: number;
}

export class Endpoint implements Destination {
  readonly client: HttpClient;
  readonly authority: string;
  readonly #pool: ConnectionPool;

  /** @param previous the endpoint before a reload: its connections go on where they lead to the same place. */
  constructor(options: EndpointOptions, clock: Clock, previous: Endpoint | undefined) {
    this.#pool = ConnectionPool.open(options, clock, previous && previous.#pool);
    this.client = this.#pool;
    this.authority = hostOf(options.target);
  }
}
