/** A reply whose whole body is at hand: what fallback sources answer with. */
import type { CallFailure } from './errors.js';
import type { Fields } from '../http/fields.js';
import type { Reply, ReplySink } from './reply.js';

/** Over from the start: nothing can break it off, and nobody has to wait for it. */
export class MemoryReply implements Reply {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Fields;
  readonly isComplete = true;
  readonly #body: Buffer | undefined;

  /** @param body undefined for an answer that has none: to HEAD, 204, 304. */
  constructor(status: number, statusText: string, headers: Fields, body: Buffer | undefined) {
    this.status = status;
    this.statusText = statusText;
    this.headers = headers;
    this.#body = body;
  }

  attach(sink: ReplySink): void {
    // One chunk: whether the sink wants more does not matter.
    if (this.#body !== undefined && this.#body.length > 0) sink.onData(this.#body);
    sink.onEnd([]);
  }

  resume(): void {}

  discard(): void {}

  abort(): void {}

  onFinished(listener: (error: CallFailure | undefined) => void): void {
    listener(undefined);
  }
}
