/** Watches the process, and refuses a share of new calls while it is overloaded. */
import type { Call } from '../../core/call.js';
import type { Clock, Random, Timer } from '../../core/clock.js';
import { CallError, DEFAULT_RETRY_AFTER_MS } from '../../core/errors.js';
import type { Emit } from '../../core/events.js';
import type { Mode } from '../../core/mode.js';
import { enforce, Shadow } from '../../core/shadow.js';
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

/** Where a call goes. */
export interface CallScope {
  /** Empty where none is found. */
  readonly upstream: string;
  readonly emit: Emit;
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
    // What it does from now on is news.
    if (options.mode !== this.#options.mode) this.#why = undefined;
    this.#options = options;
    if (!this.#isLate()) this.#lateLooks = 0;
    // Overload ends at once if no new limit is exceeded.
    this.#calmLooks = STEADY_LOOKS - 1;
    this.#decide();
  }

  /** Why a share of the calls is refused; undefined while none is. */
  get shedding(): string | undefined {
    return this.#options.mode === 'enforce' ? this.#why : undefined;
  }

  /** Why a share of the calls would be refused; undefined while none would be, and where that is enforced. */
  get wouldShed(): string | undefined {
    return this.#options.mode === 'shadow' ? this.#why : undefined;
  }

  get mode(): Mode {
    return this.#options.mode;
  }

  /** Called once for each new call, before any other work. @param to where it goes. */
  readonly refuse = (call: Call, to: CallScope): CallError | undefined => {
    const refusal = this.draw(to.upstream);
    if (refusal === undefined) return undefined;
    return enforce(Shadow.open(this.#options.mode, 'overload', reasons, to.emit), call, refusal);
  };

  /** Draws whether the next call is among those that are shed. @param upstream empty for a call to none. */
  draw(upstream: string): CallError | undefined {
    if (this.#why === undefined || this.#context.random() >= this.#options.shed) return undefined;
    const what = upstream === '' ? 'take the call' : `call ${upstream}`;
    return new CallError(
      reasons.overloaded,
      `Cannot ${what} because Breakwater is overloaded: ${this.#why}`,
      { retryAfterMs: DEFAULT_RETRY_AFTER_MS },
    );
  }

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
      if (hasBegun) this.#tell(passed);
    } else if (this.#why !== undefined && ++this.#calmLooks >= STEADY_LOOKS) {
      this.#why = undefined;
      this.#tell(passed);
    }
  }

  #tell(passed: readonly PassedLimit[]): void {
    const { mode, shed } = this.#options;
    this.#context.onChange({ passed, shed, mode });
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
