/** A reply whose whole body is in memory: a kept one, a collected one, or one that a fallback source makes. */
import type { CallFailure } from './errors.js';
import type { Fields } from '../http/fields.js';
import { classifyStatus, type Outcome } from './outcome.js';
import type { Chunk, Reply, ReplySink } from './reply.js';

/** Complete from the start: it cannot break off. */
export class MemoryReply implements Reply {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Fields;
  readonly isComplete = true;
  readonly #body: readonly Chunk[];
  readonly #trailers: Fields;

  /** @param body undefined for a response that has none: to HEAD, 204, 304. Chunks are given back once they are sent. */
  constructor(
    head: Pick<Reply, 'status' | 'statusText' | 'headers'>,
    body: Buffer | readonly Chunk[] = [],
    trailers: Fields = [],
  ) {
    this.status = head.status;
    this.statusText = head.statusText;
    this.headers = head.headers;
    this.#body = Buffer.isBuffer(body) ? [{ bytes: body, release: undefined }] : body;
    this.#trailers = trailers;
  }

  get outcome(): Outcome {
    return classifyStatus(this.status);
  }

  attach(sink: ReplySink): void {
    // All of it is in memory: whether the sink wants more does not matter.
    for (const { bytes, release } of this.#body) if (bytes.length > 0) sink.onData(bytes, release);
    sink.onEnd(this.#trailers);
  }

  resume(): void {}

  discard(): void {}

  abort(): void {}

  onFinished(listener: (error: CallFailure | undefined) => void): void {
    listener(undefined);
  }
}
