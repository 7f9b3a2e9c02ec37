/** Ends a call when its deadline comes. */
import type { Call } from './call.js';
import type { Clock, Timer } from './clock.js';
import type { Deadline } from './deadline.js';
import { CallError } from './errors.js';
import { isOpenEnded, type Reply } from './reply.js';

/** The error of a call whose time is up. */
export function deadlineError(call: Call, deadline: Deadline, upstream: string): CallError {
  return deadline.source === 'header'
    ? new CallError(
        'deadline-expired',
        `Cannot complete ${call.method} at ${upstream} because the caller's deadline has come`,
      )
    : new CallError(
        'timeout-total',
        `Cannot complete ${call.method} at ${upstream} because timeout.total is over`,
      );
}

/** Runs from the start; `follow` or `cancel` must end it. */
export class DeadlineTimer {
  readonly #call: Call;
  readonly #deadline: Deadline;
  readonly #upstream: string;
  readonly #clock: Clock;
  #timer: Timer | undefined;

  /** @param upstream for messages. */
  constructor(call: Call, deadline: Deadline, upstream: string, clock: Clock) {
    this.#call = call;
    this.#deadline = deadline;
    this.#upstream = upstream;
    this.#clock = clock;
    this.#arm(deadline);
  }

  /** The response has begun: the deadline holds up to its end. */
  follow(reply: Reply): void {
    const { source, callerAtMs } = this.#deadline;
    if (isOpenEnded(reply) && source === 'total') {
      // The stream has no planned end, but the deadline that its caller has set still ends it.
      this.cancel();
      if (callerAtMs === Infinity) return;
      this.#arm({ ...this.#deadline, atMs: callerAtMs, source: 'header' });
    }
    reply.onFinished(() => this.cancel());
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(deadline: Deadline): void {
    this.#timer = this.#clock.scheduleAt(deadline.atMs, () =>
      this.#call.cancel(deadlineError(this.#call, deadline, this.#upstream)),
    );
  }
}
