/** Takes the whole body of a reply, up to a limit. */
import type { CallFailure } from '../../core/errors.js';
import type { Outcome } from '../../core/outcome.js';
import type { Fields } from '../../http/fields.js';
import { drain, type Chunk, type Release, type Reply, type ReplySink } from '../../core/reply.js';

export interface CollectedBody {
  readonly chunks: readonly Chunk[];
  readonly trailers: Fields;
}

/** Reads `source` until it ends or grows too long; after that it passes the source on as a reply of its own. */
class Collector implements Reply, ReplySink {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Fields;
  readonly #source: Reply;
  readonly #limit: number;
  readonly #resolve: (result: CollectedBody | Reply) => void;
  readonly #reject: (error: CallFailure) => void;
  #chunks: Chunk[] = [];
  #bytes = 0;
  #isTooLong = false;
  #sink: ReplySink | undefined;
  /** What came to an end before there was a sink. */
  #end: ((sink: ReplySink) => void) | undefined;
  #isComplete = false;

  constructor(
    source: Reply,
    limit: number,
    resolve: (result: CollectedBody | Reply) => void,
    reject: (error: CallFailure) => void,
  ) {
    this.status = source.status;
    this.statusText = source.statusText;
    this.headers = source.headers;
    this.#source = source;
    this.#limit = limit;
    this.#resolve = resolve;
    this.#reject = reject;
    source.attach(this);
  }

  // From the source.

  onData(bytes: Buffer, release?: Release): boolean {
    if (this.#sink !== undefined) return this.#sink.onData(bytes, release);
    this.#chunks.push({ bytes, release });
    this.#bytes += bytes.length;
    if (this.#bytes <= this.#limit) return true;
    this.#isTooLong = true;
    this.#resolve(this);
    return false;
  }

  onEnd(trailers: Fields): void {
    this.#isComplete = true;
    if (!this.#isTooLong) return this.#resolve({ chunks: this.#chunks, trailers });
    this.#finish((sink) => sink.onEnd(trailers));
  }

  onError(error: CallFailure): void {
    if (!this.#isTooLong) return this.#reject(error);
    this.#finish((sink) => sink.onError(error));
  }

  #finish(end: (sink: ReplySink) => void): void {
    if (this.#sink === undefined) this.#end = end;
    else end(this.#sink);
  }

  // As a reply.

  get outcome(): Outcome | undefined {
    return this.#source.outcome;
  }

  get isComplete(): boolean {
    return this.#isComplete;
  }

  attach(sink: ReplySink): void {
    this.#sink = sink;
    const chunks = this.#chunks;
    this.#chunks = [];
    let wantsMore = true;
    for (const { bytes, release } of chunks) wantsMore = sink.onData(bytes, release);
    if (this.#end !== undefined) this.#end(sink);
    else if (wantsMore) this.#source.resume();
  }

  resume(): void {
    this.#source.resume();
  }

  discard(): void {
    this.#chunks = [];
    this.#sink = drain;
    this.#source.discard();
  }

  abort(error: CallFailure): void {
    this.#source.abort(error);
  }

  onFinished(listener: (error: CallFailure | undefined) => void): void {
    this.#source.onFinished(listener);
  }
}

/**
 * Takes the body of `reply`, to which no other sink may be attached.
 * @returns the body, or, if it is longer than `limit`, a reply to attach to instead.
 * @throws what the body broke off with.
 */
export function collectBody(reply: Reply, limit: number): Promise<CollectedBody | Reply> {
  return new Promise((resolve, reject) => {
    void new Collector(reply, limit, resolve, reject);
  });
}
