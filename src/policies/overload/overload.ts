/** Watches the process, and refuses a share of new calls while it is overloaded. */
import type { Clock, Random, Timer } from '../../core/clock.js';
import { CallError, DEFAULT_RETRY_AFTER_MS } from '../../core/errors.js';
import { describePassed, type OverloadChange, type PassedLimit } from './log.js';
import { watchLoopDelay } from './loop-delay.js';
import type { OverloadOptions } from './options.js';
import { reasons } from './reasons.js';

export interface MemoryReading {
  /** Memory of this process. */
  readonly usedBytes: number;
  /** The most that it may have. */
  readonly limitBytes: number;
}

/** Shares 0..1 of the most memory that the process may have. */
export interface MemoryUse {
  readonly used: number;
  /** Calls are shed above it. */
  readonly limit: number;
}

export interface OverloadContext {
  readonly clock: Clock;
  readonly random: Random;
  /** Called once, and only if the policy is on. @returns the function that is called for each reading. */
  readonly openMemory: () => () => MemoryReading;
  readonly onChange: (change: OverloadChange) => void;
}

/**
 * Readings in a row that start or end overload. One late reading may be a single long pause that is already over; one
 * quiet reading may be a short break.
 */
const STEADY_LOOKS = 2;

export class Overload {
  readonly #context: OverloadContext;
  readonly #readMemory: () => MemoryReading;
  readonly #watch: Timer;
  #options: OverloadOptions;
  /** Why calls are shed; undefined while they are not. */
  #why: string | undefined;
  #delayMs = 0;
  /** The last reading; undefined while memory is not watched. */
  #memory: MemoryUse | undefined;
  /** Readings in a row above the limit of delay. */
  #lateLooks = 0;
  /** Readings in a row below all limits. */
  #calmLooks = 0;

  constructor(options: OverloadOptions, context: OverloadContext) {
    this.#options = options;
    this.#context = context;
    this.#readMemory = context.openMemory();
    this.#watch = watchLoopDelay(context.clock, (delayMs) => this.#look(delayMs));
    // Memory does not need a second reading: it does not fall by itself.
    this.#decide();
  }

  /** Sets new limits; the readings of the event loop are kept and compared with them. */
  configure(options: OverloadOptions): void {
    this.#options = options;
    if (!this.#isLate()) this.#lateLooks = 0;
    // Overload ends at once if no new limit is exceeded.
    this.#calmLooks = STEADY_LOOKS - 1;
    this.#decide();
  }

  /** Why a share of the calls is refused; undefined while none is. */
  get shedding(): string | undefined {
    return this.#why;
  }

  /** Called once for each new call, before any other work. @param upstream for the message. */
  readonly refuse = (upstream: string): CallError | undefined => {
    if (this.#why === undefined || this.#context.random() >= this.#options.shed) return undefined;
    const what = upstream === '' ? 'take the call' : `call ${upstream}`;
    return new CallError(
      reasons.overloaded,
      `Cannot ${what} because Breakwater is overloaded: ${this.#why}`,
      { retryAfterMs: DEFAULT_RETRY_AFTER_MS },
    );
  };

  /** At the last look; undefined where memory is no reason to shed calls. */
  get memory(): MemoryUse | undefined {
    return this.#memory;
  }

  /** Ends the watching. */
  stop(): void {
    this.#watch.cancel();
  }

  #look(delayMs: number): void {
    this.#delayMs = delayMs;
    this.#lateLooks = this.#isLate() ? this.#lateLooks + 1 : 0;
    this.#decide();
  }

  #isLate(): boolean {
    const { eventLoopDelay } = this.#options;
    return eventLoopDelay !== 'off' && this.#delayMs > eventLoopDelay;
  }

  #decide(): void {
    const passed = this.#findPassed();
    if (passed.length > 0) {
      this.#calmLooks = 0;
      const hasBegun = this.#why === undefined;
      this.#why = passed.map(describePassed).join(', and ');
      if (hasBegun) this.#context.onChange({ passed, shed: this.#options.shed });
    } else if (this.#why !== undefined && ++this.#calmLooks >= STEADY_LOOKS) {
      this.#why = undefined;
      this.#context.onChange({ passed, shed: this.#options.shed });
    }
  }

  #findPassed(): PassedLimit[] {
    const { eventLoopDelay, memory } = this.#options;
    const passed: PassedLimit[] = [];
    const neededLooks = this.#why === undefined ? STEADY_LOOKS : 1;
    if (eventLoopDelay !== 'off' && this.#lateLooks >= neededLooks) {
      passed.push({ limit: 'eventLoopDelay', observed: this.#delayMs, threshold: eventLoopDelay });
    }
    this.#memory = undefined;
    if (memory !== 'off') {
      const { usedBytes, limitBytes } = this.#readMemory();
      const observed = usedBytes / limitBytes;
      this.#memory = { used: observed, limit: memory };
      if (observed > memory) passed.push({ limit: 'memory', observed, threshold: memory });
    }
    return passed;
  }
}
