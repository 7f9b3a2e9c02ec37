/** Two ends of a connection without a socket: what one end writes the other one reads, with back-pressure and half-close. */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** As much of a socket as tunnels use. */
export class FakeSocket extends Duplex {
  #other: FakeSocket | undefined;
  #hasEnded = false;
  /** Takes the next chunk from the other end, when this one has been read. */
  #goOn: (() => void) | undefined;

  constructor() {
    super({ allowHalfOpen: true });
  }

  static connect(a: FakeSocket, b: FakeSocket): void {
    a.#other = b;
    b.#other = a;
  }

  /** As node:net has it: ends the writing, and closes when all is written. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  override _read(): void {
    const goOn = this.#goOn;
    this.#goOn = undefined;
    goOn?.();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const other = this.#other!;
    if (other.destroyed || other.push(chunk)) done();
    else other.#goOn = done;
  }

  override _final(done: () => void): void {
    this.#endOther();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#endOther();
    this._read();
    done(error);
  }

  #endOther(): void {
    const other = this.#other!;
    if (this.#hasEnded || other.destroyed) return;
    this.#hasEnded = true;
    other.push(null);
  }
}

export interface FakeConnection {
  /** The end that the code under test is given. */
  readonly near: FakeSocket & Socket;
  /** The end that the test speaks from. */
  readonly far: FakeSocket;
}

export function fakeConnection(): FakeConnection {
  const [near, far] = [new FakeSocket(), new FakeSocket()];
  FakeSocket.connect(near, far);
  return { near: near as FakeSocket & Socket, far };
}
