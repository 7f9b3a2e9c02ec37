/** A request with a method that the parser does not know: kept until its turn, and until its method is complete. */
import type { Socket } from 'node:net';
import type { Clock } from '../../core/clock.js';
import { readForeignMethod, type ForeignMethod } from './foreign-method.js';

export class HeldRequest {
  readonly socket: Socket;
  #bytes: Buffer;
  #onMore: (() => void) | undefined;

  /** Takes the reading of `socket` from Node's parser, which has failed; responses are still written to it. */
  constructor(socket: Socket, begun: Buffer) {
    this.socket = socket;
    this.#bytes = begun;
    socket.removeAllListeners('data');
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#onMore?.();
    });
    socket.pause();
  }

  /**
   * @param onMethod is called once, where the client does not leave before: with undefined where no sound request begins
   * there. @param onLate is called instead where the method is not complete after `timeoutMs`.
   */
  awaitMethod(
    clock: Clock,
    timeoutMs: number,
    onMethod: (found: ForeignMethod | undefined) => void,
    onLate: () => void,
  ): void {
    const { socket } = this;
    const found = readForeignMethod(this.#bytes);
    if (found !== 'incomplete') return onMethod(found);
    const timer = clock.schedule(timeoutMs, () => {
      this.#onMore = undefined;
      onLate();
    });
    socket.once('close', () => timer.cancel());
    this.#onMore = () => {
      const complete = readForeignMethod(this.#bytes);
      if (complete === 'incomplete') return;
      this.#onMore = undefined;
      timer.cancel();
      onMethod(complete);
    };
    socket.resume();
  }
}
