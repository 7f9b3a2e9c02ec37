/** Timeouts of one try: connect, write, attempt, and the silence allowed in its answer. */
import type { Attempt } from '../../core/attempt.js';
import type { CallFailure } from '../../core/errors.js';
import {
  DurationOrOff,
  Options,
  ShareOrOff,
  Switchable,
  type Off,
  type Static,
} from '../../core/options.js';
import { classifyFailure, classifyStatus } from '../../core/outcome.js';
import type { AttemptLayer, AttemptStage } from '../../core/pipeline.js';
import type { Needs, Policy, PolicyContext } from '../../core/policy.js';
import type { Reply } from '../../core/reply.js';
import { AdaptiveTimeout, adaptiveSchema } from './adaptive-timeout.js';
import { AttemptTimer, MeasuringTimer } from './attempt-timer.js';

const schema = Switchable(
  Options(
    {
      connect: DurationOrOff({
        default: '2s',
        description:
          'Longest wait for a connection, TCP and TLS together. `off` leaves it to the operating system: about two minutes.',
      }),
      write: DurationOrOff({
        default: '15s',
        description: 'Longest time for which the upstream may accept no bytes of the request body.',
      }),
      attempt: DurationOrOff({
        default: '10s',
        description:
          'Longest time from the start of an attempt to its response headers. It does not run while the client uploads, and starts again when the upload is complete.',
      }),
      attemptGrowth: ShareOrOff({
        default: 'off',
        description:
          'How much more time each further attempt has. Attempt number n has `attempt` x (1 + `attemptGrowth` x (n-1)).',
      }),
      adaptive: adaptiveSchema,
      idle: DurationOrOff({
        default: '30s',
        description: 'Longest gap between bytes of a response body.',
      }),
      total: DurationOrOff({
        default: '35s',
        description: 'Longest time for the whole call: queue, back-off and body included.',
      }),
      stream: DurationOrOff({
        default: '5m',
        description:
          'Longest silence of an event stream, or of both directions of an upgraded connection.',
      }),
    },
    { description: 'Timeouts of the call and of each attempt.' },
  ),
);

export interface TimeoutSettings {
  readonly timeout: Static<typeof schema>;
}

type TimeoutOptions = Exclude<TimeoutSettings['timeout'], Off>;

/** The options of a try, counting from 1: those that follow others get more. */
function grown(options: TimeoutOptions, number: number): TimeoutOptions {
  const { attempt: firstMs, attemptGrowth } = options;
  if (number === 1 || firstMs === 'off' || attemptGrowth === 'off') return options;
  return { ...options, attempt: firstMs * (1 + attemptGrowth * (number - 1)) };
}

export interface TimeoutLayer extends AttemptLayer {
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
  /** As long as `attempt` holds as it was written. */
  const unlearned: TimeoutOptions = { ...options, adaptive: 'off' };

  const runFixed =
    (next: AttemptStage): AttemptStage['run'] =>
    (attempt) => {
      attempt.observe(new AttemptTimer(options, context, attempt));
      return next.run(attempt);
    };

  const runGrowing =
    (next: AttemptStage): AttemptStage['run'] =>
    (attempt) => {
      attempt.observe(new AttemptTimer(grown(options, attempt.number), context, attempt));
      return next.run(attempt);
    };

  const runLearning = (next: AttemptStage, learner: AdaptiveTimeout) => {
    return async function run(attempt: Attempt): Promise<Reply> {
      const learnedMs = learner.currentMs;
      const first = learnedMs === undefined ? unlearned : { ...options, attempt: learnedMs };
      const own = grown(first, attempt.number);
      const limitMs = learnedMs === undefined ? undefined : (own.attempt as number);
      const timer = new MeasuringTimer(own, context, attempt);
      attempt.observe(timer);
      let reply: Reply;
      try {
        reply = await next.run(attempt);
      } catch (error) {
        learner.record(classifyFailure(error as CallFailure), timer.headMs, limitMs);
        throw error;
      }
      learner.record(classifyStatus(reply.status), timer.headMs, limitMs);
      return reply;
    };
  };

  function chooseRun(next: AttemptStage): AttemptStage['run'] {
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

/** Connecting and tunnels are the transport's, but their limits stand here. */
const needs = ({ timeout: options }: TimeoutSettings): Needs =>
  options === 'off' ? {} : { connectMs: options.connect, tunnelIdleMs: options.stream };

export const timeout = {
  name: 'timeout',
  level: 'attempt',
  schema,
  needs,
  create,
} as const satisfies Policy<'timeout', typeof schema, TimeoutSettings, TimeoutLayer>;
