/** Opens the connection that decides which protocol an endpoint speaks: with TLS, where the upstream chooses (ALPN). */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { ClientContext } from './client-context.js';
import type { ClientOptions } from './client.js';
import { createDial, type Dial } from './connect/dial.js';
import { Opening } from './connect/opening.js';
import type { ConnectionPool } from './http1/connection-pool.js';
import type { Connection } from './http1/connection.js';
import type { SessionPool } from './http2/session-pool.js';
import type { Session } from './http2/session.js';
import { TargetAddresses } from './names/target-addresses.js';

export interface NegotiationOptions {
  readonly client: ClientOptions;
  readonly context: ClientContext;
  /** They take over the connection. */
  readonly http1: ConnectionPool;
  readonly http2: SessionPool;
  /** A request still waits. */
  isWanted(): boolean;
  /** One of them is called, once per `start`. */
  onDecided(protocol: 'http1' | 'http2'): void;
  onFailure(error: Error): void;
}

/** A connection whose protocol is not known yet, or has just become known. */
class Candidate {
  readonly #pools: NegotiationOptions;
  readonly #address: string;
  readonly #openedAtMs: number;
  readonly #socket: Socket;
  #connection: Connection | undefined;
  #session: Session | undefined;

  constructor(
    address: string,
    options: NegotiationOptions,
    dial: Dial,
    onOpen: (error?: Error) => void,
  ) {
    this.#pools = options;
    this.#address = address;
    this.#openedAtMs = options.context.clock.now();
    this.#socket = dial(
      address,
      // Nothing can come before a request, except from an upstream that breaks the protocol.
      (bytes) => this.#connection?.onRead(bytes) ?? true,
      (error) => {
        if (error === undefined) this.#onSecure(onOpen);
        else onOpen(error);
      },
    );
  }

  destroy(): void {
    this.#session?.destroy();
    this.#socket.destroy();
  }

  /** Gives the connection to those that know its protocol. */
  settle(): 'http1' | 'http2' {
    const { http1, http2 } = this.#pools;
    if (this.#session !== undefined) {
      http2.add(this.#session);
      return 'http2';
    }
    this.#connection = http1.adopt(this.#address, this.#socket, this.#openedAtMs);
    return 'http1';
  }

  #onSecure(onOpen: (error?: Error) => void): void {
    const socket = this.#socket;
    if ((socket as TLSSocket).alpnProtocol !== 'h2') return onOpen();
    // Only a tunnel needs it.
    socket.allowHalfOpen = false;
    this.#session = this.#pools.http2.begin(this.#address, socket, onOpen);
  }
}

export class Negotiation {
  readonly #options: NegotiationOptions;
  readonly #addresses: TargetAddresses;
  readonly #dial: Dial;
  #opening: Opening<Candidate> | undefined;

  constructor(options: NegotiationOptions) {
    const { client, context } = options;
    this.#options = options;
    this.#addresses = new TargetAddresses(client.target, client.address, context.names);
    const offered = ['h2', 'http/1.1'] as const;
    this.#dial = createDial(client.target, client.tls, context.claimDescriptor, offered);
  }

  /** Does nothing while it runs. */
  start(): void {
    if (this.#opening !== undefined) return;
    const options = this.#options;
    const { clock } = options.context;
    this.#addresses.touch(clock.now());
    this.#opening = new Opening<Candidate>({
      clock,
      addresses: this.#addresses,
      timeoutMs: options.client.connectTimeoutMs,
      connect: (address, onOpen) => new Candidate(address, options, this.#dial, onOpen),
      isWanted: () => options.isWanted(),
      onOpen: (candidate) => {
        this.#opening = undefined;
        options.onDecided(candidate.settle());
      },
      onFailure: (error) => {
        this.#opening = undefined;
        options.onFailure(error);
      },
    });
    this.#opening.start();
  }

  /** Ends it; those that wait are told the error. */
  fail(error: Error): void {
    this.#opening?.fail(error);
  }
}
