/** A reply that is copied while it is passed on, without delay for the client. */
import type { CallFailure } from '../../core/errors.js';
import type { Outcome } from '../../core/outcome.js';
import type { Fields } from '../../http/fields.js';
import type { Chunk, Release, Reply, ReplySink } from '../../core/reply.js';

export interface CopyOptions {
  /** A longer body is passed on, but not copied. */
  readonly maxBytes: number;
  /**
   * Called after the whole body has been handed on; never for one that broke off or was too long.
   * @param body may be overwritten when this returns.
   */
  readonly onCopy: (body: readonly Uint8Array[]) => void;
}

export class CopiedReply implements Reply, ReplySink {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Fields;
  readonly #reply: Reply;
  readonly #options: CopyOptions;
  /** Undefined if the body is too long. */
  #chunks: Chunk[] | undefined = [];
  #bytes = 0;
  #sink: ReplySink | undefined;

  constructor(reply: Reply, options: CopyOptions) {
    this.status = reply.status;
    this.statusText = reply.statusText;
    this.headers = reply.headers;
    this.#reply = reply;
    this.#options = options;
  }

  get outcome(): Outcome | undefined {
    return this.#reply.outcome;
  }

  get isComplete(): boolean {
    return this.#reply.isComplete;
  }

  attach(sink: ReplySink): void {
    this.#sink = sink;
    this.#reply.attach(this);
  }

  resume(): void {
    this.#reply.resume();
  }

  discard(): void {
    this.#reply.discard();
  }

  abort(error: CallFailure): void {
    this.#reply.abort(error);
  }

  onFinished(listener: (error: CallFailure | undefined) => void): void {
    this.#reply.onFinished(listener);
  }

  // From the reply.

  onData(bytes: Buffer, ownRelease?: Release): boolean {
    this.#bytes += bytes.length;
    if (this.#bytes > this.#options.maxBytes) this.#drop();
    if (this.#chunks === undefined) return this.#sink!.onData(bytes, ownRelease);
    const release = ownRelease && afterTwo(ownRelease);
    this.#chunks.push({ bytes, release });
    return this.#sink!.onData(bytes, release);
  }

  onEnd(trailers: Fields): void {
    this.#sink!.onEnd(trailers);
    // The client gets its response first.
    if (this.#chunks !== undefined) this.#options.onCopy(this.#chunks.map(({ bytes }) => bytes));
    this.#drop();
  }

  onError(error: CallFailure): void {
    this.#drop();
    this.#sink!.onError(error);
  }

  #drop(): void {
    const chunks = this.#chunks ?? [];
    this.#chunks = undefined;
    for (const { release } of chunks) release?.();
  }
}

/** The copy and the sink read the same chunk: the later one gives it back. */
function afterTwo(release: Release): Release {
  let calls = 0;
  return () => {
    calls++;
    if (calls === 2) release();
  };
}
