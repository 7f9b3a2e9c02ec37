/** Holds the reading of a socket, but stops it only where the wait lasts. */
import type { Socket } from 'node:net';

/** In the first tick Node writes to the client what was read, in the second one it tells what the client has taken. */
const inNextTick = (pause: ReadPause) => process.nextTick(stop, pause);
const stop = (pause: ReadPause) => pause.stop();

export class ReadPause {
  readonly #socket: Socket;
  #isOn = false;
  #isStopped = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /**
   * No more is read until `off`, but for what the socket has at hand. Nearly always the client has taken what was read, or
   * the response has ended, before the socket would be read again. To stop and begin anew takes three system calls, and
   * ends the loop in which libuv reads all that has come.
   */
  on(): void {
    if (this.#isOn) return;
    this.#isOn = true;
    process.nextTick(inNextTick, this);
  }

  off(): void {
    this.#isOn = false;
    if (!this.#isStopped) return;
    this.#isStopped = false;
    this.#socket.resume();
  }

  /** The ticks have passed. */
  stop(): void {
    if (!this.#isOn || this.#isStopped) return;
    this.#isStopped = true;
    this.#socket.pause();
  }
}
