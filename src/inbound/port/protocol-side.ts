/** What each protocol offers to the port that it shares with the other one. */
import type { Socket } from 'node:net';
import type { ListenerLimits } from '../listener.js';

/** Those connections of a listener that speak one protocol. */
export interface ProtocolSide {
  /** Takes a connection over. */
  take(socket: Socket): void;
  /** New limits; the size of heads changes for new connections only. */
  configure(limits: ListenerLimits): void;
  /** The listener is about to end: clients are told to send further requests elsewhere. */
  drain(): void;
  /** Ends the connections without a request. */
  closeIdle(): void;
  /** Cuts all connections. */
  closeAll(): void;
  /** No connection is left, and none will come. */
  end(): void;
}
