/** Connections to one upstream, kept alive between calls, and what undici does not tell about them. */
import { isIP, type Socket } from 'node:net';
import type { RawHeaders } from '../core/reply.js';
import { buildConnector, Client, errors, Pool, type Dispatcher } from 'undici';

/** What a connection knows that a try has to ask. */
export interface Connection {
  /** It has carried an exchange before. */
  readonly isReused: boolean;
  /** The socket reported an error, which undici takes for a plain end of a body without length. */
  readonly hasFailed: boolean;
  /**
   * The next thing to be written is the head of `user`'s request. Told by the try itself, when undici begins to write it: so no
   * head can ever go out with the fields of another.
   */
  expectHead(user: ConnectionUser): void;
  /** An answer has come to its end. */
  noteAnswer(): void;
}

/** A try, as the pool sees it: it learns which connection it got. */
export interface ConnectionUser {
  connection: Connection | undefined;
  /** A byte of the answer has been parsed. */
  readonly hasAnswerBegun: boolean;
  /**
   * Fields of the request as they go over the wire; asked for when its head is due. They must be sound already: undici
   * would take each of them apart to see that, which came to a tenth of a small call.
   */
  fieldLines(): string;
  /** Fields to send after the last chunk of the request body; asked for when that chunk is due. */
  trailers(): RawHeaders;
}

export interface PoolDispatchOptions extends Omit<Dispatcher.DispatchOptions, 'reset'> {
  readonly user: ConnectionUser;
  /** False keeps the connection where undici by itself would close it; null leaves it to undici. */
  readonly reset: false | null;
  readonly servername: string;
}

type Connect = buildConnector.connector;

/** How undici ends a chunked body: exactly this, in a write of its own. */
const LAST_CHUNK = '\r\n0\r\n\r\n';
const ABORTED = new errors.SocketError('aborted');

const CONTINUE = Buffer.from('HTTP/1.1 100');
const FIRST_DIGIT = CONTINUE.indexOf('1', 'HTTP/1.1'.length);

type Write = (chunk: unknown, encoding?: unknown, callback?: unknown) => boolean;

class TrackingClient extends Client implements Connection {
  hasFailed = false;
  #answers = 0;
  #user: ConnectionUser | undefined;
  #isHeadDue = false;

  constructor(origin: URL, options: object, connect: Connect) {
    super(origin, {
      ...options,
      connect: (connectOptions, callback) =>
        connect(connectOptions, (...result) => {
          const [error, socket] = result;
          if (error === null) this.#track(socket);
          callback(...result);
        }),
    });
  }

  get isReused(): boolean {
    return this.#answers > 0;
  }

  expectHead(user: ConnectionUser): void {
    this.#user = user;
    this.#isHeadDue = true;
  }

  noteAnswer(): void {
    this.#answers += 1;
  }

  override dispatch(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    (options as unknown as PoolDispatchOptions).user.connection = this;
    return super.dispatch(options, handler);
  }

  #track(socket: Socket): void {
    this.#answers = 0;
    this.hasFailed = false;
    socket.on('error', () => {
      this.hasFailed = true;
    });
    // undici opens a connection anew for a request that it has just been told to abort, unless it takes the end of the
    // old one for an error.
    const destroy = socket.destroy.bind(socket);
    socket.destroy = (error) =>
      destroy(
        error instanceof errors.InformationalError && error.message === 'aborted' ? ABORTED : error,
      );
    const read = socket.read.bind(socket) as (size?: number) => Buffer | null;
    socket.read = (size) => this.#withoutContinue(read(size), read);
    const write = socket.write.bind(socket) as Write;
    socket.write = ((chunk, encoding, callback) =>
      write(this.#completed(chunk), encoding, callback)) as Write;
  }

  /** What undici writes, with what it leaves out or has no room for. */
  #completed(chunk: unknown): unknown {
    if (typeof chunk !== 'string') return chunk;
    if (this.#isHeadDue) {
      this.#isHeadDue = false;
      // After the request line and Host, where undici's own fields follow.
      const at = chunk.indexOf('\r\n', chunk.indexOf('\r\n') + 2) + 2;
      return chunk.slice(0, at) + this.#user!.fieldLines() + chunk.slice(at);
    }
    return chunk === LAST_CHUNK ? this.#lastChunk() : chunk;
  }

  /** undici has no trailers for requests (RFC 9112, section 7.1.2). */
  #lastChunk(): string {
    const trailers = this.#user?.trailers() ?? [];
    let fields = '';
    for (let i = 0; i < trailers.length; i += 2) fields += `${trailers[i]}: ${trailers[i + 1]}\r\n`;
    return `\r\n0\r\n${fields}\r\n`;
  }

  /**
   * Some servers send `100 Continue` unasked. A client must be able to take it (RFC 9110, section 15.2.1), undici
   * drops the connection; the body was on its way anyway, so it is left out here.
   */
  #withoutContinue(chunk: Buffer | null, read: () => Buffer | null): Buffer | null {
    if (chunk === null || this.#user?.hasAnswerBegun !== false) return chunk;
    // Most answers differ from it in their first digit.
    if (chunk[FIRST_DIGIT] !== CONTINUE[FIRST_DIGIT]) return chunk;
    if (chunk.length < CONTINUE.length || CONTINUE.compare(chunk, 0, CONTINUE.length) !== 0) {
      return chunk;
    }
    const end = chunk.indexOf('\r\n\r\n');
    if (end === -1) return chunk;
    const rest = chunk.subarray(end + 4);
    return this.#withoutContinue(rest.length === 0 ? read() : rest, read);
  }
}

export interface UpstreamTarget {
  readonly protocol: 'http:' | 'https:';
  readonly host: string;
  readonly port: number;
  readonly socketPath: string | undefined;
  /** Empty, or a path without a slash at its end. */
  readonly basePath: string;
  /** As configured. */
  readonly href: string;
}

export interface UpstreamTls {
  /** PEM contents. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly serverName?: string;
  readonly insecureSkipVerify: boolean;
}

export interface PoolOptions {
  readonly target: UpstreamTarget;
  readonly tls: UpstreamTls | undefined;
  /** ms until a connection that no try waits for any more is given up; 0 for never. */
  readonly connectTimeoutMs: number;
  /** Longest head of an answer, in bytes. */
  readonly maxHeaderSize: number;
}

const bracketed = (host: string) => (host.includes(':') ? `[${host}]` : host);

export const originOf = (target: UpstreamTarget) =>
  target.socketPath === undefined
    ? `${target.protocol}//${bracketed(target.host)}:${target.port}`
    : 'http://localhost';

/** The connections to one place; survives reloads that do not change the place. */
export class ConnectionPool {
  readonly #options: PoolOptions;
  readonly #key: string;
  /** Made by the first call: its empty queue alone takes 16 KiB, and many upstreams of a large file are idle. */
  #pool: Pool | undefined;
  #holders = 0;

  /** @param previous is held once more where it leads to the same place. */
  static open(options: PoolOptions, previous: ConnectionPool | undefined): ConnectionPool {
    const key = JSON.stringify(options);
    const pool =
      previous !== undefined && previous.#key === key ? previous : new ConnectionPool(options, key);
    pool.#holders += 1;
    return pool;
  }

  private constructor(options: PoolOptions, key: string) {
    this.#options = options;
    this.#key = key;
  }

  dispatch(options: PoolDispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.#pool ??= createPool(this.#options);
    this.#pool.dispatch(options as Dispatcher.DispatchOptions, handler);
  }

  /** Closes the connections when the last holder has let go; nobody may be using them then. */
  async release(): Promise<void> {
    this.#holders -= 1;
    if (this.#holders === 0) await this.#pool?.close();
  }

  /** Ends all connections at once. */
  async destroy(): Promise<void> {
    await this.#pool?.destroy();
  }
}

function createPool(options: PoolOptions): Pool {
  return new Pool(originOf(options.target), {
    // No limit here: undici's queue is invisible to deadlines, so whoever is admitted gets a connection.
    connections: null,
    pipelining: 1,
    maxHeaderSize: options.maxHeaderSize,
    // Timeouts are the timeout policy's; undici's step is a second.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: createConnect(options),
    factory: (url, clientOptions) =>
      new TrackingClient(url, clientOptions, (clientOptions as { connect: Connect }).connect),
  });
}

function createConnect({ target, tls, connectTimeoutMs }: PoolOptions): Connect {
  const connect = buildConnector({
    ...(target.socketPath === undefined ? {} : { socketPath: target.socketPath }),
    ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls?.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls?.key === undefined ? {} : { key: tls.key }),
    // A tunnel's side may end while the other still talks.
    allowHalfOpen: true,
    rejectUnauthorized: tls?.insecureSkipVerify !== true,
    timeout: connectTimeoutMs,
  });
  // RFC 6066, section 3: an address is no server name.
  const servername = tls?.serverName ?? (isIP(target.host) === 0 ? target.host : '');
  return (options, callback) => connect({ ...options, servername }, callback);
}
