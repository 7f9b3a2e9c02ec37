/** Timeouts of one attempt: connect, write, attempt, and the longest gap in its response. */
import type { Attempt } from '../../core/attempt.js';
import type { CallFailure } from '../../core/errors.js';
import { classifyFailure, type Outcome } from '../../core/outcome.js';
import type { AttemptStage } from '../../core/pipeline.js';
import type { Needs, Policy, PolicyContext } from '../../core/policy.js';
import type { Reply } from '../../core/reply.js';
import { Shadow } from '../../core/shadow.js';
import { AdaptiveTimeout, type TimeoutLayer } from './adaptive-timeout.js';
import { AttemptTimer, MeasuringTimer, ShadowTimer } from './attempt-timer.js';
import { instruments } from './instruments.js';
import { schema, type TimeoutOptions, type TimeoutSettings } from './options.js';
import { reasons } from './reasons.js';

export type { TimeoutLayer } from './adaptive-timeout.js';
export type { TimeoutSettings } from './options.js';

/** For which a learned timeout ends attempts. */
const learnedReasons = { 'timeout-attempt': reasons['timeout-attempt'] };

/** The options of attempt `number`, from 1: later attempts have more time. */
function grown(options: TimeoutOptions, number: number): TimeoutOptions {
  const { attempt: firstMs, attemptGrowth } = options;
  if (number === 1 || firstMs === 'off' || attemptGrowth === 'off') return options;
  return { ...options, attempt: firstMs * (1 + attemptGrowth * (number - 1)) };
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
  /** Used until a timeout is learned. */
  const unlearned: TimeoutOptions = { ...options, adaptive: 'off' };
  const shadow =
    options.adaptive === 'off'
      ? undefined
      : Shadow.open(options.adaptive.mode, 'timeout.adaptive', learnedReasons, context.emit);

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
      learner.record(reply.outcome, timer.headMs, limitMs);
      return reply;
    };
  };

  /** What is configured stays in force; the attempts that the learned timeout would have ended are noted. */
  const runInShadow = (next: AttemptStage, learner: AdaptiveTimeout, noted: Shadow) => {
    return async function run(attempt: Attempt): Promise<Reply> {
      const { number, call } = attempt;
      const learnedMs = learner.currentMs;
      const limitMs =
        learnedMs === undefined
          ? undefined
          : (grown({ ...options, attempt: learnedMs }, number).attempt as number);
      const own = grown(unlearned, number);
      const timer = new ShadowTimer(own, context, attempt, limitMs ?? Infinity);
      attempt.observe(timer);
      function learn(outcome: Outcome | undefined): void {
        if (timer.isOverdue) {
          noted.note(call, reasons['timeout-attempt'].name);
          learner.recordCut(limitMs!);
        } else {
          // A configured timeout says nothing of a longer learned one.
          const isCut = outcome?.kind === 'timeout' || outcome?.kind === 'unsent';
          learner.record(outcome, timer.headMs, isCut ? undefined : limitMs);
        }
      }
      let reply: Reply;
      try {
        reply = await next.run(attempt);
      } catch (error) {
        learn(classifyFailure(error as CallFailure));
        throw error;
      }
      learn(reply.outcome);
      return reply;
    };
  };

  function chooseRun(next: AttemptStage): AttemptStage['run'] {
    if (adaptive !== undefined && shadow !== undefined) return runInShadow(next, adaptive, shadow);
    if (adaptive !== undefined) return runLearning(next, adaptive);
    // Without `attemptGrowth`, no options are computed for each attempt.
    return options.attemptGrowth === 'off' ? runFixed(next) : runGrowing(next);
  }

  return {
    wrap: (next) => ({ run: chooseRun(next), refusal: (call) => next.refusal(call) }),
    get attemptMs() {
      const { attempt } = options;
      const learnedMs = shadow === undefined ? adaptive?.currentMs : undefined;
      return learnedMs ?? (attempt === 'off' ? undefined : attempt);
    },
    adaptive,
    shadow,
  };
}

/** The transport applies the limits of connecting and of tunnels. */
const needs = ({ timeout: options }: TimeoutSettings): Needs =>
  options === 'off' ? {} : { connectMs: options.connect, tunnelIdleMs: options.stream };

export const timeout = {
  name: 'timeout',
  level: 'attempt',
  schema,
  reasons,
  instruments,
  needs,
  create,
  describe: (layer) => ({ attemptTimeoutMs: layer?.attemptMs ?? null }),
} as const satisfies Policy<'timeout', typeof schema, TimeoutSettings, TimeoutLayer>;
