/**
 * Overload: refuses a share of new calls while this process itself, not an upstream, has more to do than it can. It is the
 * process's own and stands at the door, before any upstream's policies, so it is not in their list.
 */
import type { Clock, Random, Timer } from '../../core/clock.js';
import { CallError, DEFAULT_RETRY_AFTER_MS } from '../../core/errors.js';
import { formatPercent } from '../../lib/percent.js';
import { watchLoopDelay } from './loop-delay.js';
import {
  DurationOrOff,
  Options,
  Share,
  ShareOrOff,
  Switchable,
  type Off,
  type Static,
} from '../../core/options.js';

const schema = Switchable(
  Options(
    {
      eventLoopDelay: DurationOrOff({
        default: '100ms',
        description: 'Delay of the event loop above which calls are refused.',
      }),
      memory: ShareOrOff({
        default: '85%',
        description:
          'Share of the memory limit of the container, or of the memory of the machine if there is no limit, above which calls are refused.',
      }),
      shed: Share({
        default: '30%',
        description: 'Share of new calls that are refused while a limit is exceeded.',
      }),
    },
    { description: 'Refuses a share of new calls while this process is overloaded.' },
  ),
  { default: 'off' },
);

export type OverloadSettings = Static<typeof schema>;
export type OverloadOptions = Exclude<OverloadSettings, Off>;

export interface MemoryReading {
  /** Of this process. */
  readonly usedBytes: number;
  /** What it may have. */
  readonly limitBytes: number;
}

/** A limit that is passed. */
export interface PassedLimit {
  readonly limit: 'eventLoopDelay' | 'memory';
  /** What was seen: ms, or a share 0..1. */
  readonly observed: number;
  /** The limit, in the same measure. */
  readonly threshold: number;
}

/** What began, with the limits that are passed and the share refused; or ended, with none. */
export interface OverloadChange {
  readonly passed: readonly PassedLimit[];
  readonly shed: number;
}

export interface OverloadContext {
  readonly clock: Clock;
  readonly random: Random;
  /** Asked once, and only where the policy is on. @returns what is asked with each look. */
  readonly openMemory: () => () => MemoryReading;
  readonly onChange: (change: OverloadChange) => void;
}

/**
 * Readings in a row. One that is late may be a single long pause, over before anybody could be refused for it; and a
 * quiet one may be a lull.
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
  /** Readings in a row above the limit of delay. */
  #lateLooks = 0;
  /** Readings in a row below all limits. */
  #calmLooks = 0;

  constructor(options: OverloadOptions, context: OverloadContext) {
    this.#options = options;
    this.#context = context;
    this.#readMemory = context.openMemory();
    this.#watch = watchLoopDelay(context.clock, (delayMs) => this.#look(delayMs));
    // Memory needs no second reading: it does not go away by itself.
    this.#decide();
  }

  /** New limits, from now on; what has been seen of the event loop counts under them. */
  configure(options: OverloadOptions): void {
    this.#options = options;
    if (!this.#isLate()) this.#lateLooks = 0;
    // What is no longer passed ends at once.
    this.#calmLooks = STEADY_LOOKS - 1;
    this.#decide();
  }

  /** Asked once for each new call, before anything else is done for it. @param upstream for the message. */
  readonly refuse = (upstream: string): CallError | undefined => {
    if (this.#why === undefined || this.#context.random() >= this.#options.shed) return undefined;
    const what = upstream === '' ? 'take the call' : `call ${upstream}`;
    return new CallError(
      'overloaded',
      `Cannot ${what} because Breakwater is overloaded: ${this.#why}`,
      { retryAfterMs: DEFAULT_RETRY_AFTER_MS },
    );
  };

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
    if (memory !== 'off') {
      const { usedBytes, limitBytes } = this.#readMemory();
      const observed = usedBytes / limitBytes;
      if (observed > memory) passed.push({ limit: 'memory', observed, threshold: memory });
    }
    return passed;
  }
}

/** Names the option, so that its reader knows what to change. */
export function describePassed({ limit, observed, threshold }: PassedLimit): string {
  return limit === 'eventLoopDelay'
    ? `its event loop is ${Math.round(observed)} ms late, more than overload.eventLoopDelay, ${threshold} ms`
    : `it uses ${formatPercent(observed)} of the memory that it may have, more than overload.memory, ${formatPercent(threshold)}`;
}

export const overload = {
  name: 'overload',
  schema,
  /** @param previous the one before a reload: what it has seen goes on. @returns undefined when it is off. */
  create(
    settings: OverloadSettings,
    context: OverloadContext,
    previous?: Overload,
  ): Overload | undefined {
    if (settings === 'off') {
      previous?.stop();
      return undefined;
    }
    if (previous === undefined) return new Overload(settings, context);
    previous.configure(settings);
    return previous;
  },
} as const;
