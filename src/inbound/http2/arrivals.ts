/** Holds requests with a body back until all has been read that came with their heads. */
import type { Http2Stream } from './http2-stream.js';

export class Arrivals {
  readonly #onRequest: (stream: Http2Stream) => void;
  #arrived: Http2Stream[] = [];

  constructor(onRequest: (stream: Http2Stream) => void) {
    this.#onRequest = onRequest;
  }

  add(stream: Http2Stream): void {
    if (this.#arrived.push(stream) === 1) setImmediate(this.#release);
  }

  readonly #release = (): void => {
    const arrived = this.#arrived;
    this.#arrived = [];
    for (const stream of arrived) if (!stream.isGone) this.#onRequest(stream);
  };
}
