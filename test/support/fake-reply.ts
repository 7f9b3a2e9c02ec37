/** A reply whose end the test decides. */
import type { CallFailure } from '../../src/core/errors.js';
import { classifyFailure, classifyStatus, type Outcome } from '../../src/core/outcome.js';
import type { Fields } from '../../src/http/fields.js';
import type { Reply, ReplySink } from '../../src/core/reply.js';

export interface FakeReplyInit {
  readonly status?: number;
  readonly headers?: Fields;
  /** The whole body is here already: listeners are called back at once. */
  readonly isComplete?: boolean;
  /** What has come of the body; handed over when a sink is attached. */
  readonly body?: string;
  /** By default what the status says; null as long as it is not known. */
  readonly outcome?: Outcome | null;
}

export class FakeReply implements Reply {
  readonly status: number;
  readonly statusText = '';
  readonly headers: Fields;
  outcome: Outcome | undefined;
  isDiscarded = false;
  /** What `finish` or `abort` was given. */
  error: CallFailure | undefined;
  sink: ReplySink | undefined;
  #isOver: boolean;
  #waiting: Buffer[];
  readonly #listeners: ((error: CallFailure | undefined) => void)[] = [];

  constructor(init: FakeReplyInit = {}) {
    this.status = init.status ?? 200;
    this.headers = init.headers ?? [];
    const { outcome = classifyStatus(this.status) } = init;
    this.outcome = outcome ?? undefined;
    this.#isOver = init.isComplete ?? false;
    this.#waiting = init.body === undefined ? [] : [Buffer.from(init.body)];
  }

  get isComplete(): boolean {
    return this.#isOver && this.error === undefined;
  }

  /** More of the body. */
  push(chunk: Buffer): void {
    if (this.sink === undefined) this.#waiting.push(chunk);
    else this.sink.onData(chunk);
  }

  /** Ends the body: well, or with `error`. Only the first end counts. */
  finish(error?: CallFailure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.error = error;
    const isRefusal = this.status >= 400 && this.status < 500;
    if (error !== undefined && !isRefusal) this.outcome = classifyFailure(error);
    for (const listener of this.#listeners) listener(error);
    this.#endSink();
  }

  attach(sink: ReplySink): void {
    this.sink = sink;
    for (const chunk of this.#waiting) sink.onData(chunk);
    this.#waiting = [];
    if (this.#isOver) this.#endSink();
  }

  resume(): void {}

  discard(): void {
    this.isDiscarded = true;
    this.finish();
  }

  abort(error: CallFailure): void {
    this.finish(error);
  }

  onFinished(listener: (error: CallFailure | undefined) => void): void {
    if (this.#isOver) listener(this.error);
    else this.#listeners.push(listener);
  }

  #endSink(): void {
    if (this.error === undefined) this.sink?.onEnd([]);
    else this.sink?.onError(this.error);
  }
}

export function fakeReply(init: FakeReplyInit = {}): FakeReply {
  return new FakeReply(init);
}
