/** Timeouts of one try: connect, write, attempt, and the silence allowed in its answer. */
import type { AttemptObserver, AttemptPhase, Call } from '../core/call.js';
import type { Timer } from '../core/clock.js';
import { CallError, type CallFailure, type Reason } from '../core/errors.js';
import {
  DurationOrOff,
  Options,
  ShareOrOff,
  Switchable,
  type Off,
  type Static,
} from '../core/options.js';
import { classifyFailure, classifyStatus } from '../core/outcome.js';
import type { Layer, Stage } from '../core/pipeline.js';
import type { Policy, PolicyContext } from '../core/policy.js';
import type { Reply } from '../core/reply.js';
import { AdaptiveTimeout, adaptiveSchema } from './adaptive-timeout.js';

const schema = Switchable(
  Options(
    {
      connect: DurationOrOff({ default: '2s', description: 'Longest wait for TCP and TLS.' }),
      write: DurationOrOff({
        default: '15s',
        description: 'Longest time the upstream may refuse to take bytes of the request body.',
      }),
      attempt: DurationOrOff({
        default: '10s',
        description:
          'From the start of a try to its response headers; stands still while the client uploads.',
      }),
      attemptGrowth: ShareOrOff({
        default: 'off',
        description:
          'How much more of attempt each further try gets: the n-th has attempt x (1 + attemptGrowth x (n-1)).',
      }),
      adaptive: adaptiveSchema,
      idle: DurationOrOff({
        default: '30s',
        description: 'Longest gap between bytes of a response body.',
      }),
      total: DurationOrOff({
        default: '35s',
        description: 'The whole exchange: queueing, back-off and body included.',
      }),
      stream: DurationOrOff({
        default: '5m',
        description: 'Longest silence of an event stream or an upgraded connection.',
      }),
    },
    { description: 'Timeouts of the exchange and of each try.' },
  ),
);

export interface TimeoutSettings {
  readonly timeout: Static<typeof schema>;
}

type TimeoutOptions = Exclude<TimeoutSettings['timeout'], Off>;

const endOf = (startMs: number, limitMs: number | Off) =>
  limitMs === 'off' ? Infinity : startMs + limitMs;

/**
 * The clocks of one try as one timer: at any time only the nearest limit is armed. Progress only notes the time; the
 * timer looks at it when it fires and sleeps on for the rest, so that a busy body costs no timer work.
 */
export class AttemptTimer implements AttemptObserver {
  readonly #options: TimeoutOptions;
  readonly #context: PolicyContext;
  readonly #startMs: number;
  #end: (error: CallError) => void = () => {};
  #phase: AttemptPhase = 'connecting';
  #isStalled = false;
  #isPaused = false;
  /** When the clock that now runs was last set back, in monotonic ms. */
  #sinceMs: number;
  #timer: Timer | undefined;
  #timerAtMs = Infinity;

  constructor(options: TimeoutOptions, context: PolicyContext) {
    this.#options = options;
    this.#context = context;
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

  onStart(end: (error: CallError) => void): void {
    this.#end = end;
    this.#arm();
  }

  onPhase(phase: AttemptPhase): void {
    // A request without an upload goes straight to `waiting`: its attempt clock has run since the start of the try.
    const keepsClock = phase === 'waiting' && this.#phase === 'connecting';
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
  #limit(): { atMs: number; reason: Reason } {
    const { connect, write, attempt, idle, stream } = this.#options;
    switch (this.#phase) {
      case 'connecting': {
        const connectAtMs = endOf(this.#startMs, connect);
        const attemptAtMs = endOf(this.#startMs, attempt);
        return connectAtMs <= attemptAtMs
          ? { atMs: connectAtMs, reason: 'timeout-connect' }
          : { atMs: attemptAtMs, reason: 'timeout-attempt' };
      }
      case 'sending':
        return {
          atMs: this.#isStalled ? endOf(this.#sinceMs, write) : Infinity,
          reason: 'timeout-write',
        };
      case 'waiting':
        return { atMs: endOf(this.#sinceMs, attempt), reason: 'timeout-attempt' };
      case 'streaming':
        // A slow client is not a silent upstream; `total` bounds it.
        return {
          atMs: this.#isPaused ? Infinity : endOf(this.#sinceMs, idle),
          reason: 'timeout-attempt',
        };
      case 'streaming-events':
        // Also while the client does not read: nothing else bounds a stream.
        return { atMs: endOf(this.#sinceMs, stream), reason: 'timeout-attempt' };
      case 'ended':
        return { atMs: Infinity, reason: 'timeout-attempt' };
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
    this.#end(
      new CallError(reason, this.#message(reason), { unsent: this.#phase === 'connecting' }),
    );
  };

  #message(reason: Reason): string {
    const { connect, write, attempt, adaptive, idle, stream } = this.#options;
    const { upstream } = this.#context;
    switch (this.#phase) {
      case 'streaming':
        return `Cannot pass on the answer of ${upstream} because it fell silent for ${idle} ms (timeout.idle)`;
      case 'streaming-events':
        return `Cannot go on with the stream of ${upstream} because it was silent for ${stream} ms (timeout.stream)`;
      default:
        if (reason === 'timeout-connect') {
          return `Cannot connect to ${upstream} because it did not accept within ${connect} ms (timeout.connect)`;
        }
        return reason === 'timeout-write'
          ? `Cannot send the request body to ${upstream} because it took no bytes for ${write} ms (timeout.write)`
          : `Cannot get an answer of ${upstream} because none came within ${attempt} ms (timeout.${adaptive === 'off' ? 'attempt' : 'adaptive'})`;
    }
  }
}

/** Notes what the attempt clock shows when it stops for good: at the head of the answer, or at the end without one. */
class MeasuringTimer extends AttemptTimer {
  headMs: number | undefined;
  #hasStopped = false;

  override onPhase(phase: AttemptPhase): void {
    if (!this.#hasStopped && phase !== 'sending' && phase !== 'waiting') {
      this.#hasStopped = true;
      this.headMs = this.waitedMs;
    }
    super.onPhase(phase);
  }
}

/** The options of a try, counting from 1: those that follow others get more. */
function grown(options: TimeoutOptions, attempt: number): TimeoutOptions {
  const { attempt: firstMs, attemptGrowth } = options;
  if (attempt === 1 || firstMs === 'off' || attemptGrowth === 'off') return options;
  return { ...options, attempt: firstMs * (1 + attemptGrowth * (attempt - 1)) };
}

export interface TimeoutLayer extends Layer {
  /** What a first try may take now, in ms; undefined where nothing bounds it. */
  readonly attemptMs: number | undefined;
  /** Undefined where `adaptive` is off. */
  readonly adaptive: AdaptiveTimeout | undefined;
}

function openAdaptive(
  options: TimeoutOptions['adaptive'],
  previous: AdaptiveTimeout | undefined,
): AdaptiveTimeout | undefined {
  if (options === 'off') return undefined;
  const adaptive = previous ?? new AdaptiveTimeout(options);
  adaptive.configure(options);
  return adaptive;
}

function create(
  settings: TimeoutSettings,
  context: PolicyContext,
  previous?: TimeoutLayer,
): TimeoutLayer | undefined {
  if (settings.timeout === 'off') return undefined;
  const options: TimeoutOptions = settings.timeout;
  const adaptive = openAdaptive(options.adaptive, previous?.adaptive);
  const unlearned: TimeoutOptions = { ...options, adaptive: 'off' };

  const runFixed =
    (next: Stage): Stage['run'] =>
    (call) => {
      call.observer = new AttemptTimer(options, context);
      return next.run(call);
    };

  const runGrowing =
    (next: Stage): Stage['run'] =>
    (call) => {
      call.observer = new AttemptTimer(grown(options, call.attempts + 1), context);
      return next.run(call);
    };

  const runLearning = (next: Stage, learner: AdaptiveTimeout) => {
    return async function run(call: Call): Promise<Reply> {
      const learnedMs = learner.currentMs;
      const first = learnedMs === undefined ? unlearned : { ...options, attempt: learnedMs };
      const own = grown(first, call.attempts + 1);
      const limitMs = learnedMs === undefined ? undefined : (own.attempt as number);
      const timer = new MeasuringTimer(own, context);
      call.observer = timer;
      let reply: Reply;
      try {
        reply = await next.run(call);
      } catch (error) {
        learner.record(classifyFailure(error as CallFailure), timer.headMs, limitMs);
        throw error;
      }
      learner.record(classifyStatus(reply.status), timer.headMs, limitMs);
      return reply;
    };
  };

  function chooseRun(next: Stage): Stage['run'] {
    if (adaptive !== undefined) return runLearning(next, adaptive);
    // What is off costs nothing.
    return options.attemptGrowth === 'off' ? runFixed(next) : runGrowing(next);
  }

  return {
    wrap: (next) => ({ run: chooseRun(next), refusal: (call) => next.refusal(call) }),
    get attemptMs() {
      const { attempt } = options;
      return adaptive?.currentMs ?? (attempt === 'off' ? undefined : attempt);
    },
    adaptive,
  };
}

export const timeout = { name: 'timeout', schema, create } as const satisfies Policy<
  'timeout',
  typeof schema,
  TimeoutSettings,
  TimeoutLayer
>;
