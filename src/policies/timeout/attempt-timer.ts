/** The timeouts of one attempt: the next limit in each phase, and the error when it is reached. */
import type { Attempt, AttemptObserver, AttemptPhase } from '../../core/attempt.js';
import type { Timer } from '../../core/clock.js';
import { CallError, coreReasons, type DeclaredReason } from '../../core/errors.js';
import type { Off } from '../../core/options.js';
import type { PolicyContext } from '../../core/policy.js';
import { reasons } from './reasons.js';

/** In ms, with the names of the file. */
export interface AttemptLimits {
  readonly connect: number | Off;
  readonly write: number | Off;
  readonly attempt: number | Off;
  /** If it is on, `attempt` is the learned timeout. */
  readonly adaptive: object | Off;
  readonly idle: number | Off;
  readonly stream: number | Off;
}

const endOf = (startMs: number, limitMs: number | Off) =>
  limitMs === 'off' ? Infinity : startMs + limitMs;

/**
 * All timeouts of one attempt share one timer, which is armed for the next limit only. Progress only stores the time.
 * When the timer fires, it waits for the rest of the limit, so a busy body does not move the timer.
 */
export class AttemptTimer implements AttemptObserver {
  readonly #options: AttemptLimits;
  readonly #context: PolicyContext;
  readonly #attempt: Attempt;
  readonly #startMs: number;
  #phase: AttemptPhase = 'connecting';
  #isStalled = false;
  #isPaused = false;
  /** When the current clock was last reset, in monotonic ms. */
  #sinceMs: number;
  #timer: Timer | undefined;
  #timerAtMs = Infinity;

  constructor(options: AttemptLimits, context: PolicyContext, attempt: Attempt) {
    this.#options = options;
    this.#context = context;
    this.#attempt = attempt;
    this.#startMs = context.clock.now();
    this.#sinceMs = this.#startMs;
  }

  /** Time on the attempt clock, in ms; undefined while it does not run, and after the response has begun. */
  get waitedMs(): number | undefined {
    switch (this.#phase) {
      case 'connecting':
      case 'waiting':
        return this.#context.clock.now() - this.#sinceMs;
      default:
        return undefined;
    }
  }

  onPhase(phase: AttemptPhase): void {
    // The attempt clock runs from the start of the attempt, also if a request without an upload goes directly to `waiting`.
    const keepsClock =
      phase === 'connecting' || (phase === 'waiting' && this.#phase === 'connecting');
    this.#phase = phase;
    if (phase === 'ended') return this.#disarm();
    if (!keepsClock) this.#sinceMs = this.#context.clock.now();
    this.#arm();
  }

  onStall(isStalled: boolean): void {
    this.#isStalled = isStalled;
    if (this.#phase !== 'sending') return;
    this.#sinceMs = this.#context.clock.now();
    this.#arm();
  }

  onProgress(): void {
    this.#sinceMs = this.#context.clock.now();
  }

  onPause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    if (this.#phase !== 'streaming') return;
    this.#sinceMs = this.#context.clock.now();
    this.#arm();
  }

  /** When the current phase times out, and with which reason. */
  #limit(): { atMs: number; reason: DeclaredReason } {
    const { connect, write, attempt, idle, stream } = this.#options;
    switch (this.#phase) {
      case 'connecting': {
        const connectAtMs = endOf(this.#startMs, connect);
        const attemptAtMs = endOf(this.#startMs, attempt);
        return connectAtMs <= attemptAtMs
          ? { atMs: connectAtMs, reason: coreReasons['timeout-connect'] }
          : { atMs: attemptAtMs, reason: reasons['timeout-attempt'] };
      }
      case 'sending':
        return {
          atMs: this.#isStalled ? endOf(this.#sinceMs, write) : Infinity,
          reason: reasons['timeout-write'],
        };
      case 'waiting':
        return { atMs: endOf(this.#sinceMs, attempt), reason: reasons['timeout-attempt'] };
      case 'streaming':
        // A slow client is not a silent upstream; `total` bounds it.
        return {
          atMs: this.#isPaused ? Infinity : endOf(this.#sinceMs, idle),
          reason: reasons['timeout-attempt'],
        };
      case 'streaming-events':
        // Also while the client does not read: a stream has no other limit.
        return { atMs: endOf(this.#sinceMs, stream), reason: reasons['timeout-attempt'] };
      case 'ended':
        return { atMs: Infinity, reason: reasons['timeout-attempt'] };
    }
  }

  #arm(): void {
    const { atMs } = this.#limit();
    // A timer that fires too early arms itself again. A timer that is too late must be replaced.
    if (this.#timer !== undefined && this.#timerAtMs <= atMs) return;
    this.#disarm();
    if (atMs === Infinity) return;
    this.#timerAtMs = atMs;
    this.#timer = this.#context.clock.scheduleAt(atMs, this.#onTimer);
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined;
    const { atMs, reason } = this.#limit();
    if (atMs > this.#context.clock.now()) return this.#arm();
    this.#attempt.cancel(
      new CallError(reason, this.#message(reason), { unsent: this.#phase === 'connecting' }),
    );
  };

  #message(reason: DeclaredReason): string {
    const { connect, write, attempt, adaptive, idle, stream } = this.#options;
    const { upstream } = this.#context;
    switch (this.#phase) {
      case 'streaming':
        return `Cannot pass on the response of ${upstream} because it sent no bytes for ${idle} ms (timeout.idle)`;
      case 'streaming-events':
        return `Cannot go on with the stream of ${upstream} because there were no bytes for ${stream} ms (timeout.stream)`;
      default:
        if (reason === coreReasons['timeout-connect']) {
          return `Cannot connect to ${upstream} because it did not accept within ${connect} ms (timeout.connect)`;
        }
        return reason === reasons['timeout-write']
          ? `Cannot send the request body to ${upstream} because it accepted no bytes for ${write} ms (timeout.write)`
          : `Cannot get a response from ${upstream} because none came within ${attempt} ms (timeout.${adaptive === 'off' ? 'attempt' : 'adaptive'})`;
    }
  }
}

const stopsClock = (phase: AttemptPhase) =>
  phase !== 'connecting' && phase !== 'sending' && phase !== 'waiting';

/** Stores the final time of the attempt clock: at the head of the response, or at the end if there is no response. */
export class MeasuringTimer extends AttemptTimer {
  headMs: number | undefined;
  #hasStopped = false;

  override onPhase(phase: AttemptPhase): void {
    if (!this.#hasStopped && stopsClock(phase)) {
      this.#hasStopped = true;
      this.headMs = this.waitedMs;
    }
    super.onPhase(phase);
  }
}

/** For a learned timeout in shadow: it does not end the attempt, but sees whether it would have. */
export class ShadowTimer extends MeasuringTimer {
  readonly #learnedMs: number;
  #isOverdue = false;

  /** @param learnedMs Infinity where none is learned yet. */
  constructor(options: AttemptLimits, context: PolicyContext, attempt: Attempt, learnedMs: number) {
    super(options, context, attempt);
    this.#learnedMs = learnedMs;
  }

  /** The attempt clock has run for longer than the learned timeout. */
  get isOverdue(): boolean {
    return this.#isOverdue;
  }

  override onPhase(phase: AttemptPhase): void {
    // Before the next phase resets the clock.
    const { waitedMs } = this;
    if (waitedMs !== undefined && waitedMs >= this.#learnedMs) this.#isOverdue = true;
    super.onPhase(phase);
  }
}
