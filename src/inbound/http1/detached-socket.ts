/** A client's socket for a second parser, while Node's first one, which has failed, keeps the socket itself. */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { readAll } from '../read-all.js';

/** What Node's server listens to. Its listener for the close of a socket stays, and gives the parser back. */
const ofServer = ['data', 'end', 'drain', 'timeout', 'pause', 'resume'];

/** Node's parser of a socket, in the lists by which the server knows idle connections and late heads. */
interface ParsedSocket {
  readonly parser?: { remove?(): void } | null;
}

/** Ends the part of Node's server in a socket that it has not given away. */
export function takeFromServer(socket: Socket): void {
  // As Node does itself where it gives a socket away: to the server, the connection would be idle from now on.
  (socket as ParsedSocket).parser?.remove?.();
  for (const event of ofServer) socket.removeAllListeners(event);
  socket.setTimeout(0);
}

/** As much of a socket as Node's server and the streams over it use. */
export class DetachedSocket extends Duplex {
  readonly #socket: Socket;
  #isReleased = false;

  /** The socket under `socket`, which may be a detached one itself. */
  static over(socket: Duplex): DetachedSocket {
    if (!(socket instanceof DetachedSocket)) return new DetachedSocket(socket as Socket);
    const unread = readAll(socket);
    const next = new DetachedSocket(socket.#release());
    if (unread !== null) next.unshift(unread);
    return next;
  }

  private constructor(socket: Socket) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    takeFromServer(socket);
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onClose);
    socket.on('timeout', this.#onTimeout);
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  setTimeout(ms: number): this {
    this.#socket.setTimeout(ms);
    return this;
  }

  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  resetAndDestroy(): void {
    this.#socket.resetAndDestroy();
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  override _writev(all: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#socket.write(Buffer.concat(all.map(({ chunk }) => chunk)), done);
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#isReleased) this.#socket.destroy();
    done(error);
  }

  /** Gives the socket away for another one; this one ends without it. */
  #release(): Socket {
    const socket = this.#socket;
    socket.off('close', this.#onClose);
    this.#isReleased = true;
    this.destroy();
    return socket;
  }

  readonly #onData = (chunk: Buffer): void => {
    if (!this.push(chunk)) this.#socket.pause();
  };

  readonly #onEnd = (): void => void this.push(null);

  readonly #onClose = (): void => void this.destroy();

  readonly #onTimeout = (): void => void this.emit('timeout');
}
