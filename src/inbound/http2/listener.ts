/** The HTTP/2 side of one listener: its connections, whose streams enter the exchange without a framework between. */
import type { Socket } from 'node:net';
import type { Entrance } from '../entrance.js';
import type { ExchangeContext } from '../exchange-context.js';
import { respondAsLastHop, isLastHop } from '../last-hop.js';
import type { ListenerLimits } from '../listener.js';
import type { ProtocolSide } from '../port/protocol-side.js';
import { Connection, type ConnectionOptions } from './connection.js';
import type { CloseReason } from './guard.js';
import type { Http2Stream } from './http2-stream.js';

export interface Http2Context extends ExchangeContext {
  /** A client's connection was closed because of what the client did. */
  readonly onConnectionClosed: (reason: CloseReason, why: string) => void;
}

export class Http2Side implements ProtocolSide {
  readonly #entrance: Entrance;
  readonly #connections = new Set<Connection>();
  readonly #options: ConnectionOptions;
  #limits!: ListenerLimits;

  constructor(context: Http2Context, entrance: Entrance) {
    this.#entrance = entrance;
    this.#options = {
      clock: context.clock,
      limits: () => this.#limits,
      onRequest: (stream) => this.#start(stream),
      onRefused: (status, why) => context.onRefused(status, why),
      onClosed: (reason, why) => context.onConnectionClosed(reason, why),
      onEnd: (connection) => void this.#connections.delete(connection),
    };
  }

  take(socket: Socket): void {
    this.#connections.add(new Connection(socket, this.#options));
  }

  configure(limits: ListenerLimits): void {
    this.#limits = limits;
  }

  drain(): void {
    for (const connection of this.#connections) connection.drain();
  }

  closeIdle(): void {
    // Connections that came while idle ones stayed open.
    this.drain();
  }

  closeAll(): void {
    for (const connection of this.#connections) connection.destroy();
  }

  end(): void {}

  #start(stream: Http2Stream): void {
    if (isLastHop(stream)) return respondAsLastHop(stream);
    const exchange = this.#entrance.exchangeOf(stream);
    if (exchange !== undefined) return exchange.start();
    this.#entrance.wait(() => {
      if (!stream.isGone) this.#start(stream);
    });
  }
}
