/** Finds out by the first bytes of a connection which protocol it speaks (RFC 9113, section 3.3). */
import type { Socket } from 'node:net';
import type { Clock } from '../core/clock.js';
import type { Timer } from '../lib/timer-wheel.js';

/** What a client that knows that the server speaks HTTP/2 begins with (RFC 9113, section 3.4). */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

const FIRST = PREFACE[0]!;

export interface FirstBytesOptions {
  readonly clock: Clock;
  /** The bytes that have been read are handed over with the socket. */
  readonly onHttp1: (socket: Socket, bytes: Buffer) => void;
  readonly onHttp2: (socket: Socket, bytes: Buffer) => void;
  /** The client has not sent enough in time. */
  readonly onLate: (socket: Socket) => void;
}

/** The connections of one listener whose protocol is not known yet. */
export class FirstBytes {
  /** ms that a client has for them. */
  timeoutMs = 0;
  readonly #options: FirstBytesOptions;
  readonly #unknown = new Set<Newcomer>();

  constructor(options: FirstBytesOptions) {
    this.#options = options;
  }

  await(socket: Socket): void {
    this.#unknown.add(new Newcomer(socket, this.timeoutMs, this.#options, this.#unknown));
  }

  closeAll(): void {
    for (const { socket } of this.#unknown) socket.destroy();
  }
}

class Newcomer {
  readonly socket: Socket;
  readonly #options: FirstBytesOptions;
  readonly #unknown: Set<Newcomer>;
  readonly #timer: Timer;
  /** The part of the preface that is here. */
  #begun: Buffer | undefined;

  constructor(
    socket: Socket,
    timeoutMs: number,
    options: FirstBytesOptions,
    unknown: Set<Newcomer>,
  ) {
    this.socket = socket;
    this.#options = options;
    this.#unknown = unknown;
    this.#timer = options.clock.schedule(timeoutMs, this.#onLate);
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('close', this.#release);
  }

  readonly #onData = (chunk: Buffer): void => {
    const bytes = this.#begun === undefined ? chunk : Buffer.concat([this.#begun, chunk]);
    if (!isPreface(bytes)) {
      this.#release();
      this.#options.onHttp1(this.socket, bytes);
    } else if (bytes.length < PREFACE.length) this.#begun = bytes;
    else {
      this.#release();
      this.#options.onHttp2(this.socket, bytes);
    }
  };

  /** The client has left before it said anything. */
  readonly #onEnd = (): void => void this.socket.destroy();

  readonly #onLate = (): void => {
    this.#release();
    this.#options.onLate(this.socket);
  };

  readonly #release = (): void => {
    const { socket } = this;
    this.#timer.cancel();
    this.#unknown.delete(this);
    socket.off('data', this.#onData);
    socket.off('end', this.#onEnd);
    socket.off('close', this.#release);
  };
}

/** The preface, or as much of it as there is. */
function isPreface(bytes: Buffer): boolean {
  if (bytes[0] !== FIRST) return false;
  const length = Math.min(bytes.length, PREFACE.length);
  return PREFACE.compare(bytes, 0, length, 0, length) === 0;
}
