/** One target of an upstream, with the connections to it. */
import type { Target } from '../core/model.js';
import type { HttpClient } from '../outbound/client.js';
import type { Destination } from '../outbound/dispatch.js';
import {
  ConnectionPool,
  type PoolContext,
  type PoolOptions,
} from '../outbound/http1/connection-pool.js';

/** What HTTP calls the target (RFC 9110, section 7.2): without the port where it is the default of the scheme. */
export function hostOf({ protocol, host, port, socketPath }: Target): string {
  if (socketPath !== undefined) return 'localhost';
  const name = host.includes(':') ? `[${host}]` : host;
  const isDefault = port === (protocol === 'https:' ? 443 : 80);
  return isDefault ? name : `${name}:${port}`;
}

export class Endpoint implements Destination {
  readonly client: HttpClient;
  readonly authority: string;
  readonly #pool: ConnectionPool;

  /** @param previous the endpoint before a reload: its connections go on where they lead to the same target. */
  constructor(options: PoolOptions, context: PoolContext, previous: Endpoint | undefined) {
    this.#pool = ConnectionPool.open(options, context, previous && previous.#pool);
    this.client = this.#pool;
    this.authority = hostOf(options.target);
  }
}
