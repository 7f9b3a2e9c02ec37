/** Connections to one upstream: opened when there is no idle one, kept between exchanges, closed when they are not worth it. */
import type { Target, TlsOptions } from '../../core/model.js';
import { isIP, type Socket } from 'node:net';
import { buildConnector } from 'undici';
import type { Clock, Timer } from '../../core/clock.js';
import {
  ClientClosed,
  type HttpClient,
  type OutboundRequest,
  type Progress,
  type ResponseHandler,
} from '../client.js';
import { Connection, type ConnectionKeeper } from './connection.js';

export interface PoolOptions {
  readonly target: Target;
  readonly tls: TlsOptions | undefined;
  /** ms until a connection that no try waits for any more is given up; 0 for as long as the system commonly tries. */
  readonly connectTimeoutMs: number;
  /** Longest head of an answer, in bytes. */
  readonly maxHeaderSize: number;
}

/** How long an idle connection is kept where its upstream does not say, in ms: less than what servers commonly do. */
const KEEP_ALIVE_MS = 4000;
/** How much sooner than it says. */
const KEEP_ALIVE_MARGIN_MS = 2000;
const MAX_KEEP_ALIVE_MS = 600_000;
/** What Linux gives a TCP connection to come about; a TLS handshake has no end of its own. */
const SYSTEM_CONNECT_MS = 130_000;
/** How often those that nobody uses are looked for, in ms. */
const SWEEP_MS = 1000;

/** After this long without use, in ms, a socket is read once more before it is written to: its end may be waiting there. */
const FRESH_MS = 100;

const bracketed = (host: string) => (host.includes(':') ? `[${host}]` : host);

/** What HTTP calls the target (RFC 9110, section 7.2): without the port where it is the scheme's own. */
export function hostOf({ protocol, host, port, socketPath }: Target): string {
  if (socketPath !== undefined) return 'localhost';
  const isDefault = port === (protocol === 'https:' ? 443 : 80);
  return isDefault ? bracketed(host) : `${bracketed(host)}:${port}`;
}

const NOT_CONNECTED: Progress = {
  isConnected: false,
  sent: 'none',
  isReused: false,
  hasAnswerBegun: false,
};

const closed = () => new ClientClosed('the connections are closed');

/** The connections to one place; survives reloads that do not change the place. */
export class ConnectionPool implements HttpClient, ConnectionKeeper {
  readonly #key: string;
  readonly #maxHeaderSize: number;
  readonly #clock: Clock;
  readonly #dial: Dial;
  readonly #all = new Set<Connection>();
  /** The latest is used first, so that those that are too many grow old. */
  #idle: Connection[] = [];
  #sweep: Timer | undefined;
  #holders = 0;
  #isClosed = false;

  /** @param previous is held once more where it leads to the same place. */
  static open(
    options: PoolOptions,
    clock: Clock,
    previous: ConnectionPool | undefined,
  ): ConnectionPool {
    const key = JSON.stringify(options);
    const pool =
      previous !== undefined && previous.#key === key
        ? previous
        : new ConnectionPool(options, clock, key);
    pool.#holders += 1;
    return pool;
  }

  private constructor(options: PoolOptions, clock: Clock, key: string) {
    this.#key = key;
    this.#maxHeaderSize = options.maxHeaderSize;
    this.#clock = clock;
    this.#dial = createDial(options);
  }

  dispatch(request: OutboundRequest, handler: ResponseHandler): void {
    if (this.#isClosed) return handler.onFailure(closed(), NOT_CONNECTED);
    const nowMs = this.#clock.now();
    let connection = this.#idle.pop();
    // One that has just broken is among them until its socket tells of its close.
    while (
      connection !== undefined &&
      (connection.isDestroyed || connection.expiresAtMs <= nowMs)
    ) {
      connection.destroy();
      connection = this.#idle.pop();
    }
    if (connection === undefined) return this.#open(request, handler);
    if (nowMs - connection.idleSinceMs < FRESH_MS) return connection.send(request, handler);
    // Sockets are read between the two.
    setImmediate(() => setImmediate(() => this.#lend(connection, request, handler)));
  }

  /** Closes the connections when the last holder has let go; nobody may be using them then. */
  release(): void {
    this.#holders -= 1;
    if (this.#holders === 0) this.destroy();
  }

  /** Ends all connections at once; exchanges on them fail. */
  destroy(): void {
    this.#isClosed = true;
    this.#sweep?.cancel();
    for (const connection of this.#all) connection.fail(closed());
  }

  onUnsent(request: OutboundRequest, handler: ResponseHandler): void {
    this.dispatch(request, handler);
  }

  onIdle(connection: Connection): void {
    const keptMs = keepMs(connection.keepAliveMs);
    if (keptMs <= 0) return connection.destroy();
    const nowMs = this.#clock.now();
    connection.isReused = true;
    connection.idleSinceMs = nowMs;
    connection.expiresAtMs = nowMs + keptMs;
    this.#idle.push(connection);
    this.#sweep ??= this.#clock.schedule(SWEEP_MS, this.#onSweep);
  }

  onGone(connection: Connection): void {
    this.#all.delete(connection);
    const index = this.#idle.indexOf(connection);
    if (index !== -1) this.#idle.splice(index, 1);
  }

  #open(request: OutboundRequest, handler: ResponseHandler): void {
    try {
      const connection = this.#connect((error) => {
        if (error === null) this.#lend(connection, request, handler);
        else handler.onFailure(error, NOT_CONNECTED);
      });
    } catch (error) {
      // A certificate that cannot be used, for one.
      handler.onFailure(error as Error, NOT_CONNECTED);
    }
  }

  /** Knows no request: what its socket calls back lives as long as the connection, and would keep the first one alive. */
  #connect(onOpen: (error: Error | null) => void): Connection {
    const connection: Connection = new Connection(
      this.#dial((bytes, keep) => connection.onRead(bytes, keep), onOpen),
      this,
      this.#maxHeaderSize,
    );
    this.#all.add(connection);
    return connection;
  }

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
    const old = this.#idle.filter(({ expiresAtMs }) => expiresAtMs <= nowMs);
    this.#idle = this.#idle.filter(({ expiresAtMs }) => expiresAtMs > nowMs);
    for (const connection of old) connection.destroy();
    this.#sweep =
      this.#idle.length === 0 ? undefined : this.#clock.schedule(SWEEP_MS, this.#onSweep);
  };
}

/** @param announcedMs what the upstream says. */
function keepMs(announcedMs: number | undefined): number {
  if (announcedMs === undefined) return KEEP_ALIVE_MS;
  return Math.min(announcedMs - KEEP_ALIVE_MARGIN_MS, MAX_KEEP_ALIVE_MS);
}

/** @returns a socket that hands what it reads to `onRead`; `onOpen` is told once, later, of its opening or its failure. */
type Dial = (onRead: Connection['onRead'], onOpen: (error: Error | null) => void) => Socket;

/** What a socket reads into. Small answers only ever touch its first page. */
const READ_BYTES = 64 * 1024;

function createDial({ target, tls, connectTimeoutMs }: PoolOptions): Dial {
  const { protocol, host, port, socketPath } = target;
  // RFC 6066, section 3: an address is no server name.
  const servername = tls?.serverName ?? (isIP(host) === 0 ? host : '');
  /** The latest: the next handshake is shorter for it. */
  let session: Buffer | undefined;
  return (onRead, onOpen) => {
    let buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    const keep = (): void => {
      buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    };
    const connect = buildConnector({
      ...(socketPath === undefined ? {} : { socketPath }),
      ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
      ...(tls?.cert === undefined ? {} : { cert: tls.cert }),
      ...(tls?.key === undefined ? {} : { key: tls.key }),
      ...(session === undefined ? {} : { session }),
      // A tunnel's side may end while the other still talks.
      allowHalfOpen: true,
      rejectUnauthorized: tls?.insecureSkipVerify !== true,
      timeout: connectTimeoutMs === 0 ? SYSTEM_CONNECT_MS : connectTimeoutMs,
      onread: {
        // Asked for before each read.
        buffer: () => buffer,
        callback: (length) => onRead(buffer.subarray(0, length), keep),
      },
    });
    const options = { protocol, hostname: host, host, port: String(port), servername };
    // It returns the socket, but does not declare that.
    const socket = connect(options, onOpen as never) as unknown as Socket;
    socket.on('session', (latest: Buffer) => {
      session = latest;
    });
    return socket;
  };
}
