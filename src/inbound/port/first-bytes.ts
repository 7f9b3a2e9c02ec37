/** Finds out by the first bytes of a connection which protocol it speaks (RFC 9113, section 3.3). */
import type { Socket } from 'node:net';
import type { Clock } from '../../core/clock.js';
import type { Timer } from '../../lib/timer-wheel.js';

/** What a client that knows that the server speaks HTTP/2 begins with (RFC 9113, section 3.4). */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

const FIRST = PREFACE[0]!;

export interface FirstBytesOptions {
  readonly clock: Clock;
  /** Has to listen to the socket at once: what has been read comes as its next `data`. */
  readonly onHttp1: (socket: Socket) => void;
  /** What has been read can be read again. */
  readonly onHttp2: (socket: Socket) => void;
  /** The client has not sent enough in time. */
  readonly onLate: (socket: Socket) => void;
}

/** The connections of one listener whose protocol is not known yet. One set of listeners, and one timer, serve them all. */
export class FirstBytes {
  /** ms that a client has for them. */
  timeoutMs = 0;
  readonly #options: FirstBytesOptions;
  /** When each was accepted; the oldest comes first. */
  readonly #unknown = new Map<Socket, number>();
  /** What is here of a preface that is not complete. */
  readonly #begun = new Map<Socket, Buffer>();
  readonly #onData: (this: Socket, chunk: Buffer) => void;
  readonly #onEnd: (this: Socket) => void;
  #timer: Timer | undefined;

  constructor(options: FirstBytesOptions) {
    this.#options = options;
    const read = (socket: Socket, chunk: Buffer) => this.#read(socket, chunk);
    const release = (socket: Socket) => this.#release(socket);
    this.#onData = function onData(chunk) {
      read(this, chunk);
    };
    // The client has left before it said anything.
    this.#onEnd = function onEnd() {
      release(this);
      this.destroy();
    };
  }

  await(socket: Socket): void {
    this.#unknown.set(socket, this.#options.clock.now());
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    if (this.#timer === undefined) this.#schedule(this.timeoutMs);
  }

  closeAll(): void {
    this.#timer?.cancel();
    for (const socket of this.#unknown.keys()) socket.destroy();
  }

  #read(socket: Socket, chunk: Buffer): void {
    const begun = this.#begun.get(socket);
    const bytes = begun === undefined ? chunk : Buffer.concat([begun, chunk]);
    if (!isPreface(bytes)) {
      // Listeners that are the last ones of their event would take far longer to remove.
      this.#options.onHttp1(socket);
      this.#release(socket);
      // The stream would read on by itself in the next tick, also if the parser stops the flow now.
      socket.read(0);
      socket.emit('data', bytes);
    } else if (bytes.length < PREFACE.length) this.#begun.set(socket, bytes);
    else {
      this.#release(socket);
      socket.pause();
      socket.unshift(bytes);
      this.#options.onHttp2(socket);
    }
  }

  #release(socket: Socket): void {
    this.#unknown.delete(socket);
    if (this.#begun.size > 0) this.#begun.delete(socket);
    socket.off('data', this.#onData);
    socket.off('end', this.#onEnd);
  }

  #schedule(delayMs: number): void {
    this.#timer = this.#options.clock.schedule(delayMs, this.#onTimer);
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined;
    const latest = this.#options.clock.now() - this.timeoutMs;
    for (const [socket, acceptedAt] of this.#unknown) {
      if (acceptedAt > latest) return this.#schedule(acceptedAt - latest);
      this.#release(socket);
      // One that has failed was not taken out before.
      if (!socket.destroyed) this.#options.onLate(socket);
    }
  };
}

/** The preface, or as much of it as there is. */
function isPreface(bytes: Buffer): boolean {
  if (bytes[0] !== FIRST) return false;
  const length = Math.min(bytes.length, PREFACE.length);
  return PREFACE.compare(bytes, 0, length, 0, length) === 0;
}
