/** The next stage of a pipeline, whose answers the test gives. */
import type { Call } from '../../src/core/call.js';
import { ClientGoneError, type CallError, type CallFailure } from '../../src/core/errors.js';
import type { Stage } from '../../src/core/pipeline.js';
import type { Reply } from '../../src/core/reply.js';
import { FakeReply, type FakeReplyInit } from './fake-reply.js';

/** One call that reached the stage. */
export class FakeRun {
  readonly call: Call;
  readonly reply: Promise<Reply>;
  #resolve!: (reply: Reply) => void;
  #reject!: (error: CallFailure) => void;

  constructor(call: Call) {
    this.call = call;
    this.reply = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  answer(init: FakeReplyInit = {}): FakeReply {
    const reply = new FakeReply(init);
    this.#resolve(reply);
    return reply;
  }

  fail(error: CallFailure): void {
    this.#reject(error);
  }
}

export class FakeStage implements Stage {
  readonly runs: FakeRun[] = [];
  /** What `refusal` answers. */
  refuses: CallError | undefined;

  run(call: Call): Promise<Reply> {
    const run = new FakeRun(call);
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

export const clientGone = () => new ClientGoneError(499, 'Cannot answer because nobody listens');

/** What `reply` was rejected with; undefined if it was not. */
export function failureOf(reply: Promise<Reply>): Promise<unknown> {
  return reply.then(
    () => undefined,
    (error: unknown) => error,
  );
}
