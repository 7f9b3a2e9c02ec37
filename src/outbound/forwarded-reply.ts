/** What an attempt hands to its exchange: a response, or a connection that was upgraded. */
import type { Duplex } from 'node:stream';
import type { Reply } from '../core/reply.js';

/** The upstream's side of an upgraded connection. */
export interface UpgradedConnection {
  /** Connects the client's side to it. */
  join(client: Duplex): void;
  /** Ends it instead. */
  destroy(): void;
}

export interface ForwardedReply extends Reply {
  /** Only with status 101. */
  readonly upgraded?: UpgradedConnection | undefined;
}
