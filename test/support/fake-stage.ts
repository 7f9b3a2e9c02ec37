/** The next stage of a pipeline, whose responses the test gives. */
import { Attempt } from '../../src/core/attempt.js';
import type { Call } from '../../src/core/call.js';
import { ClientGoneError, type CallError, type CallFailure } from '../../src/core/errors.js';
import type { AttemptStage, CallStage } from '../../src/core/pipeline.js';
import type { Reply } from '../../src/core/reply.js';
import { FakeReply, type FakeReplyInit } from './fake-reply.js';

/** One call, or attempt, that reached the stage. */
export class FakeRun {
  readonly call: Call;
  /** Undefined in a stage that whole calls reach. */
  readonly attempt: Attempt | undefined;
  readonly reply: Promise<Reply>;
  #resolve!: (reply: Reply) => void;
  #reject!: (error: CallFailure) => void;

  constructor(subject: Call | Attempt) {
    this.attempt = subject instanceof Attempt ? subject : undefined;
    this.call = subject instanceof Attempt ? subject.call : subject;
    this.reply = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  respond(init: FakeReplyInit = {}): FakeReply {
    const reply = new FakeReply(init);
    this.#resolve(reply);
    return reply;
  }

  fail(error: CallFailure): void {
    this.#reject(error);
  }
}

export class FakeStage implements CallStage, AttemptStage {
  readonly runs: FakeRun[] = [];
  /** What `refusal` returns. */
  refuses: CallError | undefined;

  run(subject: Call | Attempt): Promise<Reply> {
    const run = new FakeRun(subject);
    this.runs.push(run);
    return run.reply;
  }

  refusal(): CallError | undefined {
    return this.refuses;
  }

  get last(): FakeRun {
    return this.runs.at(-1)!;
  }
}

export const clientGone = () =>
  new ClientGoneError(499, 'Cannot respond because the client is gone');

/** What `reply` was rejected with; undefined if it was not. */
export function failureOf(reply: Promise<Reply>): Promise<unknown> {
  return reply.then(
    () => undefined,
    (error: unknown) => error,
  );
}
