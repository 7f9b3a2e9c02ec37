/** A reply that is copied while it is passed on, without delay for the client. */
import type { CallFailure } from '../../core/errors.js';
import type { Outcome } from '../../core/outcome.js';
import type { Fields } from '../../http/fields.js';
import type { Reply, ReplySink } from '../../core/reply.js';

export interface CopyOptions {
  /** A longer body is passed on, but not copied. */
  readonly maxBytes: number;
  /** Called after the whole body has been handed on; never for one that broke off or was too long. */
  readonly onCopy: (body: Buffer) => void;
}

export class CopiedReply implements Reply, ReplySink {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Fields;
  readonly #reply: Reply;
  readonly #options: CopyOptions;
  /** Undefined if the body is too long. */
  #chunks: Buffer[] | undefined = [];
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

  onData(chunk: Buffer): boolean {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#options.maxBytes) this.#chunks = undefined;
    else this.#chunks?.push(chunk);
    return this.#sink!.onData(chunk);
  }

  onEnd(trailers: Fields): void {
    this.#sink!.onEnd(trailers);
    // The client gets its response first.
    if (this.#chunks !== undefined) this.#options.onCopy(Buffer.concat(this.#chunks));
  }

  onError(error: CallFailure): void {
    this.#chunks = undefined;
    this.#sink!.onError(error);
  }
}
