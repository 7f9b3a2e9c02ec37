/** Connections to one target: opened when there is no idle one, kept between exchanges, closed when they are not worth it. */
import type { Target, TlsOptions } from '../../core/model.js';
import type { Clock, Timer } from '../../core/clock.js';
import type { Off } from '../../core/options.js';
import {
  ClientClosed,
  type HttpClient,
  type OutboundRequest,
  type Progress,
  type ResponseHandler,
} from '../client.js';
import type { Names } from '../names/names.js';
import { TargetAddresses } from '../names/target-addresses.js';
import { Connection, type ConnectionKeeper } from './connection.js';
import { createDial, type Dial } from './dial.js';
import { keepMs } from './keep-alive.js';
import { Opening } from './opening.js';

export interface PoolOptions {
  readonly target: Target;
  readonly tls: TlsOptions | undefined;
  /** ms until the opening of a connection is given up; 0 for the limit that the system commonly has. */
  readonly connectTimeoutMs: number;
  /** Longest head of a response, in bytes. */
  readonly maxHeaderSize: number;
  /** A connection older than this, in ms, carries no further exchange. */
  readonly maxAgeMs: number | Off;
}

export interface PoolContext {
  readonly clock: Clock;
  readonly names: Names;
  /** Asked before a connection is opened; false where descriptors are short. */
  readonly claimDescriptor: () => boolean;
}

/** How often unused connections are looked for, in ms. */
const SWEEP_MS = 1000;

/** After this long without use, in ms, a socket is read once more before it is written to: its end may be waiting there. */
const FRESH_MS = 100;

const NOT_CONNECTED: Progress = {
  isConnected: false,
  sent: 'none',
  isReused: false,
  hasAnswerBegun: false,
};

const closed = () => new ClientClosed('the connections are closed');

const fitsAny = () => true;

/** The connections to one target; survives reloads that do not change the target. */
export class ConnectionPool implements HttpClient, ConnectionKeeper {
  readonly #key: string;
  readonly #options: PoolOptions;
  readonly #clock: Clock;
  readonly #addresses: TargetAddresses;
  readonly #dial: Dial;
  readonly #maxAgeMs: number;
  readonly #all = new Set<Connection>();
  readonly #openings = new Set<Opening>();
  /** The latest is used first, so that surplus ones grow old. */
  #idle: Connection[] = [];
  #sweep: Timer | undefined;
  #holders = 0;
  #isClosed = false;

  /** @param previous is held once more where it leads to the same target. */
  static open(
    options: PoolOptions,
    context: PoolContext,
    previous: ConnectionPool | undefined,
  ): ConnectionPool {
    const key = JSON.stringify(options);
    const pool =
      previous !== undefined && previous.#key === key
        ? previous
        : new ConnectionPool(options, context, key);
    pool.#holders += 1;
    return pool;
  }

  private constructor(options: PoolOptions, context: PoolContext, key: string) {
    this.#key = key;
    this.#options = options;
    this.#clock = context.clock;
    this.#addresses = new TargetAddresses(options.target, context.names);
    this.#dial = createDial(options.target, options.tls, context.claimDescriptor);
    this.#maxAgeMs = options.maxAgeMs === 'off' ? Infinity : options.maxAgeMs;
  }

  dispatch(request: OutboundRequest, handler: ResponseHandler): void {
    if (this.#isClosed) return handler.onFailure(closed(), NOT_CONNECTED);
    const nowMs = this.#clock.now();
    this.#addresses.touch(nowMs);
    const isChoosy =
      this.#addresses.areMany && (request.avoid.length > 0 || this.#addresses.order.hasSuspects);
    if (isChoosy) return this.#dispatchToBest(request, handler, nowMs);
    this.#use(this.#takeIdle(nowMs, fitsAny), request, handler, nowMs);
  }

  report(address: string, isGood: boolean): void {
    this.#addresses.order.report(address, isGood, this.#clock.now());
  }

  /** Closes the connections when the last holder has released them; no exchange may use them then. */
  release(): void {
    this.#holders -= 1;
    if (this.#holders === 0) this.destroy();
  }

  /** Ends all connections at once; exchanges on them fail. */
  destroy(): void {
    this.#isClosed = true;
    this.#sweep?.cancel();
    for (const opening of this.#openings) opening.fail(closed());
    for (const connection of this.#all) connection.fail(closed());
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
    if (index !== -1) this.#idle.splice(index, 1);
  }

  /** There is a choice between addresses, and a reason to choose. */
  #dispatchToBest(request: OutboundRequest, handler: ResponseHandler, nowMs: number): void {
    const { order, known } = this.#addresses;
    const { avoid } = request;
    const trial = order.takeTrial(
      known.filter((address) => !avoid.includes(address)),
      nowMs,
    );
    const [best] = trial === undefined ? order.sort(known, avoid) : [trial];
    const isAsGood = (address: string) =>
      address === best ||
      (trial === undefined && order.rank(address, avoid) <= order.rank(best!, avoid));
    const idle = this.#takeIdle(nowMs, ({ address }) => isAsGood(address));
    this.#use(idle, request, handler, nowMs, trial);
  }

  /** @returns the latest of those that can be used and fit. */
  #takeIdle(nowMs: number, fits: (connection: Connection) => boolean): Connection | undefined {
    for (let i = this.#idle.length - 1; i >= 0; i -= 1) {
      const connection = this.#idle[i]!;
      const isUsable = this.#isUsable(connection, nowMs);
      if (isUsable && !fits(connection)) continue;
      this.#idle.splice(i, 1);
      if (isUsable) return connection;
      connection.destroy();
    }
    return undefined;
  }

  /** One that has just broken is idle until its socket reports that it is closed. */
  #isUsable({ isDestroyed, expiresAtMs, address }: Connection, nowMs: number): boolean {
    return !isDestroyed && expiresAtMs > nowMs && !this.#addresses.isGone(address);
  }

  #use(
    connection: Connection | undefined,
    request: OutboundRequest,
    handler: ResponseHandler,
    nowMs: number,
    trial?: string,
  ): void {
    if (connection === undefined) return this.#open(request, handler, trial);
    if (nowMs - connection.idleSinceMs < FRESH_MS) return connection.send(request, handler);
    // Sockets are read between the two.
    setImmediate(() => setImmediate(() => this.#lend(connection, request, handler)));
  }

  #open(request: OutboundRequest, handler: ResponseHandler, trial: string | undefined): void {
    const { order } = this.#addresses;
    const opening = new Opening({
      clock: this.#clock,
      addresses: this.#addresses,
      timeoutMs: this.#options.connectTimeoutMs,
      connect: this.#connect,
      arrange: (addresses) =>
        order
          .sort(addresses, request.avoid)
          .toSorted((a, b) => Number(b === trial) - Number(a === trial)),
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
      this.#dial(address, (bytes, keep) => connection.onRead(bytes, keep), onOpen),
      this,
      this.#options.maxHeaderSize,
      { address, openedAtMs: this.#clock.now() },
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
    this.#sweep =
      this.#idle.length === 0 ? undefined : this.#clock.schedule(SWEEP_MS, this.#onSweep);
  };
}
