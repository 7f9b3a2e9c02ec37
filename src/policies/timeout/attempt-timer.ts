/** The clocks of one try: which limit is nearest in each of its phases, and what is said when it is reached. */
import type { Attempt, AttemptObserver, AttemptPhase } from '../../core/attempt.js';
import type { Timer } from '../../core/clock.js';
import { CallError, coreReasons, type DeclaredReason } from '../../core/errors.js';
import type { Off } from '../../core/options.js';
import type { PolicyContext } from '../../core/policy.js';
import { reasons } from './reasons.js';

/** Under their names in the file; in ms. */
export interface AttemptLimits {
  readonly connect: number | Off;
  readonly write: number | Off;
  readonly attempt: number | Off;
  /** Not off: `attempt` is not as it was written, but as it was learned. */
  readonly adaptive: object | Off;
  readonly idle: number | Off;
  readonly stream: number | Off;
}

const endOf = (startMs: number, limitMs: number | Off) =>
  limitMs === 'off' ? Infinity : startMs + limitMs;

/**
 * The clocks of one try as one timer: at any time only the nearest limit is armed. Progress only notes the time; the
 * timer looks at it when it fires and sleeps on for the rest, so that a busy body costs no timer work.
 */
export class AttemptTimer implements AttemptObserver {
  readonly #options: AttemptLimits;
  readonly #context: PolicyContext;
  readonly #attempt: Attempt;
  readonly #startMs: number;
  #phase: AttemptPhase = 'connecting';
  #isStalled = false;
  #isPaused = false;
  /** When the clock that now runs was last set back, in monotonic ms. */
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

  /** What the attempt clock shows, in ms; undefined while it stands still, and once the answer has begun. */
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
    // The attempt clock runs from the start of the attempt, also where a request without an upload goes straight to `waiting`.
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

  /** The instant at which the current phase is over, and as what. */
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
        // Also while the client does not read: nothing else bounds a stream.
        return { atMs: endOf(this.#sinceMs, stream), reason: reasons['timeout-attempt'] };
      case 'ended':
        return { atMs: Infinity, reason: reasons['timeout-attempt'] };
    }
  }

  #arm(): void {
    const { atMs } = this.#limit();
    // A timer that fires too early finds that out by itself; one that is too late must be replaced.
    if (this.#timer !== undefined && this.#timerAtMs <= atMs) return;
    this.#disarm();
    if (atMs === Infinity) return;
    this.#timerAtMs = atMs;
    this.#timer = this.#context.clock.schedule(atMs - this.#context.clock.now(), this.#onTimer);
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
        return `Cannot pass on the answer of ${upstream} because it fell silent for ${idle} ms (timeout.idle)`;
      case 'streaming-events':
        return `Cannot go on with the stream of ${upstream} because it was silent for ${stream} ms (timeout.stream)`;
      default:
        if (reason === coreReasons['timeout-connect']) {
          return `Cannot connect to ${upstream} because it did not accept within ${connect} ms (timeout.connect)`;
        }
        return reason === reasons['timeout-write']
          ? `Cannot send the request body to ${upstream} because it took no bytes for ${write} ms (timeout.write)`
          : `Cannot get an answer of ${upstream} because none came within ${attempt} ms (timeout.${adaptive === 'off' ? 'attempt' : 'adaptive'})`;
    }
  }
}

const stopsClock = (phase: AttemptPhase) =>
  phase !== 'connecting' && phase !== 'sending' && phase !== 'waiting';

/** Notes what the attempt clock shows when it stops for good: at the head of the answer, or at the end without one. */
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
