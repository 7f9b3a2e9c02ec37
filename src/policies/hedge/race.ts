/** The first attempt of a call, and those that start beside it while it is slow. */
import { Attempt, type AttemptObserver, type AttemptPhase } from '../../core/attempt.js';
import type { AttemptBudget } from '../../core/attempt-budget.js';
import type { Clock, Timer } from '../../core/clock.js';
import { OutrunError, type CallFailure } from '../../core/errors.js';
import type { EmitOf } from '../../core/events.js';
import { isBadResponse, isGoodResponse, type BadResponses } from '../../core/outcome.js';
import type { AttemptStage } from '../../core/pipeline.js';
import type { Reply } from '../../core/reply.js';
import { findObstacle } from '../retry/wait.js';
import type { HedgeDelay } from './hedge-delay.js';
import type { Hedged } from './instruments.js';

/** The same for all races of a layer. */
export interface RaceRules {
  /** For messages. */
  readonly upstream: string;
  readonly maxExtra: number;
  readonly delay: HedgeDelay;
  /** Responses that are worth waiting for another one. */
  readonly bad: BadResponses;
  readonly clock: Clock;
  readonly emit: EmitOf<Hedged>;
}

/**
 * A timer that is later than this was held up by this process, and so may be responses that have come long ago: they are
 * read first.
 */
const LATE_MS = 10;

interface Runner {
  readonly attempt: Attempt;
  isRunning: boolean;
  /** Monotonic ms; undefined while the request's body is on its way. */
  startMs: number | undefined;
  /** The wait after which the next attempt started beside it, in ms; undefined where none did. */
  outwaitedMs: number | undefined;
}

/**
 * Ends with the first good response. A bad end counts only if no other attempt is running: the last one then stands for
 * all. One object and one timer per call: nearly always the first attempt responds in time.
 */
export class Race implements AttemptObserver {
  readonly #rules: RaceRules;
  readonly #next: AttemptStage;
  readonly #budget: AttemptBudget;
  readonly #first: Attempt;
  /** In the order of their starts. */
  readonly #runners: Runner[] = [];
  #running = 0;
  #timer: Timer | undefined;
  #isOver = false;
  #resolve!: (reply: Reply) => void;
  #reject!: (error: CallFailure) => void;

  constructor(rules: RaceRules, next: AttemptStage, first: Attempt, budget: AttemptBudget) {
    this.#rules = rules;
    this.#next = next;
    this.#budget = budget;
    this.#first = first;
  }

  run(): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      const first = this.#first;
      if (first.call.body === undefined) {
        this.#start(first, this.#rules.clock.now());
        this.#arm();
      } else {
        first.observe(this);
        this.#start(first, undefined);
      }
    });
  }

  // From a first attempt with a body.

  /**
   * The wait begins when all of the body has been sent: a slow upload is not the endpoint's fault, and another attempt
   * needs all of the body.
   */
  onPhase(phase: AttemptPhase): void {
    if (this.#isOver || this.#runners.length > 1) return;
    if (phase === 'waiting') {
      this.#runners[0]!.startMs = this.#rules.clock.now();
      this.#arm();
    } else if (phase === 'sending') {
      // Once more, over another connection.
      this.#disarm();
    }
  }

  onStall(): void {}

  onProgress(): void {}

  onPause(): void {}

  #arm(): void {
    this.#disarm();
    const waitMs = this.#rules.delay.currentMs;
    this.#schedule(waitMs, waitMs);
  }

  #schedule(delayMs: number, waitMs: number): void {
    const { clock } = this.#rules;
    const dueMs = clock.now() + delayMs;
    this.#timer = clock.schedule(delayMs, () => {
      if (clock.now() - dueMs > LATE_MS) this.#schedule(LATE_MS, waitMs);
      else this.#onWaited(waitMs);
    });
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #onWaited(waitedMs: number): void {
    const { clock, maxExtra, emit } = this.#rules;
    const { call } = this.#first;
    this.#timer = undefined;
    if (call.cancelled !== undefined) return;
    if (findObstacle(call, this.#next, clock.now()) !== undefined) return;
    if (call.endpoints?.hasOther(call.triedEndpoints) !== true) return;
    // Last, so that only a hedge that nothing else forbids is paid for.
    if (!this.#budget.tryWithdraw()) return emit({ type: 'hedged', result: 'denied', call });
    this.#runners.at(-1)!.outwaitedMs = waitedMs;
    const attempt = new Attempt(call);
    attempt.isBeside = true;
    this.#start(attempt, clock.now());
    if (this.#runners.length <= maxExtra) this.#arm();
  }

  #start(attempt: Attempt, startMs: number | undefined): void {
    const runner: Runner = { attempt, isRunning: true, startMs, outwaitedMs: undefined };
    this.#runners.push(runner);
    this.#running += 1;
    this.#next.run(attempt).then(
      (reply) => this.#onReply(runner, reply),
      (error: CallFailure) => this.#onFailure(runner, error),
    );
  }

  #leave(runner: Runner): void {
    runner.isRunning = false;
    this.#running -= 1;
  }

  #onReply(runner: Runner, reply: Reply): void {
    this.#leave(runner);
    // It was on its way when another one won.
    if (this.#isOver) return reply.discard();
    const { bad, delay, clock } = this.#rules;
    const { startMs } = runner;
    const isGood = !isBadResponse(reply.outcome, bad);
    if (!isGood && this.#running > 0) return reply.discard();
    if (startMs !== undefined && isGoodResponse(reply.outcome)) {
      delay.record(clock.now() - startMs);
    }
    this.#end(isGood ? runner : undefined);
    this.#resolve(reply);
  }

  #onFailure(runner: Runner, error: CallFailure): void {
    this.#leave(runner);
    if (this.#isOver || this.#running > 0) return;
    this.#end(undefined);
    this.#reject(error);
  }

  #end(winner: Runner | undefined): void {
    this.#isOver = true;
    this.#disarm();
    const { emit } = this.#rules;
    for (const [i, each] of this.#runners.entries()) {
      if (each.isRunning) this.#outrun(each);
      if (i === 0) continue;
      emit({ type: 'hedged', result: each === winner ? 'won' : 'lost', call: this.#first.call });
    }
  }

  #outrun({ attempt, outwaitedMs }: Runner): void {
    const { upstream, delay } = this.#rules;
    if (outwaitedMs !== undefined) delay.recordOutrun(outwaitedMs);
    const { method } = attempt.call;
    const what = `attempt ${attempt.number} of ${method} at ${upstream}`;
    attempt.cancel(
      new OutrunError(`Cannot go on with ${what} because another attempt has responded`),
    );
  }
}
