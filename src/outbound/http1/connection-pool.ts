/** Connections to one endpoint: opened when there is no idle one, kept between exchanges, closed when they are not worth it. */
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../core/clock.js';
import {
  ClientClosed,
  NOT_CONNECTED,
  type ClientOptions,
  type HttpClient,
  type OutboundRequest,
  type ResponseHandler,
} from '../client.js';
import type { ClientContext } from '../client-context.js';
import { createDial, type Dial } from '../connect/dial.js';
import { IdleHabit } from '../connect/idle-habit.js';
import { keepMs } from '../connect/keep-alive.js';
import { Opening } from '../connect/opening.js';
import { TargetAddresses } from '../names/target-addresses.js';
import { Connection, type ConnectionKeeper } from './connection.js';

/** How often unused connections are looked for, in ms. */
const SWEEP_MS = 1000;

/** After this long without use, in ms, a socket is read once more before it is written to: its end may be waiting there. */
const FRESH_MS = 100;

const closed = () => new ClientClosed('the connections are closed');

export class ConnectionPool implements HttpClient, ConnectionKeeper {
  readonly #options: ClientOptions;
  readonly #clock: Clock;
  readonly #addresses: TargetAddresses;
  readonly #dial: Dial;
  readonly #maxAgeMs: number;
  readonly #all = new Set<Connection>();
  readonly #openings = new Set<Opening<Connection>>();
  /** The latest is used first, so that surplus ones grow old. */
  #idle: Connection[] = [];
  readonly #habit = new IdleHabit();
  #sweep: Timer | undefined;
  #isReleased = false;
  #isClosed = false;

  constructor(options: ClientOptions, context: ClientContext) {
    this.#options = options;
    this.#clock = context.clock;
    this.#addresses = new TargetAddresses(options.target, options.address, context.names);
    this.#dial = createDial(options.target, options.tls, context.claimDescriptor, ['http/1.1']);
    this.#maxAgeMs = options.maxAgeMs === 'off' ? Infinity : options.maxAgeMs;
  }

  dispatch(request: OutboundRequest, handler: ResponseHandler): void {
    if (this.#isClosed) return handler.onFailure(closed(), NOT_CONNECTED);
    const nowMs = this.#clock.now();
    this.#addresses.touch(nowMs);
    this.#use(this.#takeIdle(nowMs), request, handler, nowMs);
  }

  release(): void {
    this.#isReleased = true;
    const idle = this.#idle;
    this.#idle = [];
    for (const connection of idle) connection.destroy();
  }

  /** Ends all connections at once; exchanges on them fail. */
  destroy(): void {
    this.#isClosed = true;
    this.#sweep?.cancel();
    for (const opening of this.#openings) opening.fail(closed());
    for (const connection of this.#all) connection.fail(closed());
  }

  /**
   * Takes over a socket that is open.
   * @returns what the socket has to hand what it reads to.
   */
  adopt(address: string, socket: Socket, openedAtMs: number): Connection {
    const options = { address, openedAtMs, clock: this.#clock };
    const connection = new Connection(socket, this, this.#options.maxHeaderSize, options);
    this.#all.add(connection);
    this.onIdle(connection);
    // It has carried nothing so far.
    connection.isReused = false;
    return connection;
  }

  onUnsent(request: OutboundRequest, handler: ResponseHandler): void {
    this.dispatch(request, handler);
  }

  onIdle(connection: Connection): void {
    const nowMs = this.#clock.now();
    connection.isReused = true;
    connection.idleSinceMs = nowMs;
    connection.expiresAtMs = Math.min(
      nowMs + keepMs(connection.keepAliveMs),
      connection.openedAtMs + this.#maxAgeMs,
    );
    if (!this.#isUsable(connection, nowMs)) return connection.destroy();
    this.#idle.push(connection);
    this.#sweep ??= this.#clock.schedule(SWEEP_MS, this.#onSweep);
  }

  onGone(connection: Connection): void {
    this.#all.delete(connection);
    const index = this.#idle.indexOf(connection);
    if (index === -1) return;
    this.#idle.splice(index, 1);
    // What this side ends is not among the idle ones any more.
    this.#habit.onClosed(this.#clock.now() - connection.idleSinceMs);
  }

  /** @returns the latest of those that can be used. */
  #takeIdle(nowMs: number): Connection | undefined {
    for (;;) {
      const connection = this.#idle.at(-1);
      if (connection === undefined) return undefined;
      const isUsable = this.#isUsable(connection, nowMs);
      // The other side is about to close it, and older ones.
      if (isUsable && this.#habit.isDue(nowMs - connection.idleSinceMs)) return undefined;
      this.#idle.pop();
      if (isUsable) return connection;
      connection.destroy();
    }
  }

  /** One that has just broken is idle until its socket reports that it is closed. */
  #isUsable({ isDestroyed, expiresAtMs, address }: Connection, nowMs: number): boolean {
    return (
      !this.#isReleased && !isDestroyed && expiresAtMs > nowMs && !this.#addresses.isGone(address)
    );
  }

  #use(
    connection: Connection | undefined,
    request: OutboundRequest,
    handler: ResponseHandler,
    nowMs: number,
  ): void {
    if (connection === undefined) return this.#open(request, handler);
    if (nowMs - connection.idleSinceMs < FRESH_MS) return connection.send(request, handler);
    // Sockets are read between the two.
    setImmediate(() => setImmediate(() => this.#lend(connection, request, handler)));
  }

  #open(request: OutboundRequest, handler: ResponseHandler): void {
    const opening = new Opening({
      clock: this.#clock,
      addresses: this.#addresses,
      timeoutMs: this.#options.connectTimeoutMs,
      connect: this.#connect,
      isWanted: () => !handler.isOver,
      onOpen: (connection) => {
        this.#openings.delete(opening);
        this.#lend(connection, request, handler);
      },
      onFailure: (error) => {
        this.#openings.delete(opening);
        handler.onFailure(error, NOT_CONNECTED);
      },
    });
    this.#openings.add(opening);
    opening.start();
  }

  /** Knows no request: what its socket calls back lives as long as the connection, and would keep the first one alive. */
  readonly #connect = (address: string, onOpen: (error?: Error) => void): Connection => {
    const connection: Connection = new Connection(
      this.#dial(address, (bytes) => connection.onRead(bytes), onOpen),
      this,
      this.#options.maxHeaderSize,
      { address, openedAtMs: this.#clock.now(), clock: this.#clock },
    );
    this.#all.add(connection);
    return connection;
  };

  #lend(connection: Connection, request: OutboundRequest, handler: ResponseHandler): void {
    if (!handler.isOver) {
      if (connection.isDestroyed) this.dispatch(request, handler);
      else connection.send(request, handler);
    } else if (!connection.isDestroyed) {
      this.onIdle(connection);
    }
  }

  readonly #onSweep = (): void => {
    const nowMs = this.#clock.now();
    const old = this.#idle.filter((connection) => !this.#isUsable(connection, nowMs));
    this.#idle = this.#idle.filter((connection) => this.#isUsable(connection, nowMs));
    for (const connection of old) connection.destroy();
    const oldest = this.#idle[0];
    if (oldest !== undefined) this.#habit.onOpen(nowMs - oldest.idleSinceMs);
    this.#sweep =
      this.#idle.length === 0 ? undefined : this.#clock.schedule(SWEEP_MS, this.#onSweep);
  };
}
