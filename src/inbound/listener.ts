/** What every protocol's listeners offer to the set of them. */
import type { Address } from '../core/model.js';
import type { Router } from './router.js';

export interface ListenerLimits {
  /** ms until a request's head is complete. */
  readonly headerTimeout: number;
  /** ms an idle connection is kept. */
  readonly keepAlive: number;
  readonly maxHeaderSize: number;
  readonly maxConnections: number | 'off';
}

export interface Listener {
  /** Requests wait until there is one. */
  setRouter(router: Router): void;
  /** New limits; the size of heads changes for new connections only. */
  configure(limits: ListenerLimits): void;
  /** Where it listens; a port 0 has become the real one. */
  readonly address: Address;
  /** Ends without the loss of a request. @param isLast whether the process ends. */
  drain(isLast: boolean): Drain;
  /** Cuts what is still open. */
  close(): Promise<void>;
}

/** A listener on its way to its end. */
export interface Drain {
  /** Resolves when it accepts no more connections. */
  readonly stopped: Promise<void>;
  /** Resolves when no connection is left. */
  readonly ended: Promise<void>;
}

/** Opens listeners whose requests become exchanges. */
export interface Front {
  /** @throws the socket's error when the address cannot be had. */
  open(address: Address, limits: ListenerLimits): Promise<Listener>;
  close(): Promise<unknown>;
}
