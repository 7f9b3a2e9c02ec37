/** Circuit breaker: stops calling an upstream that keeps failing, and probes it before it trusts it again. */
import type { Attempt } from '../../core/attempt.js';
import { Circuit, type Admission } from './circuit.js';
import { CallError, type CallFailure } from '../../core/errors.js';
import {
  Count,
  CountOrOff,
  Duration,
  Options,
  Share,
  Switchable,
  Type,
  type Off,
  type Static,
} from '../../core/options.js';
import { classifyFailure, classifyStatus, type Outcome } from '../../core/outcome.js';
import type { AttemptLayer, AttemptStage } from '../../core/pipeline.js';
import type { Policy, PolicyContext } from '../../core/policy.js';
import { isOpenEnded, type Reply } from '../../core/reply.js';

const schema = Switchable(
  Options(
    {
      failureThreshold: CountOrOff({
        default: 5,
        minimum: 1,
        description: 'This many failures in a row open the circuit.',
      }),
      failureRate: Switchable(
        Options(
          {
            threshold: Share({
              default: '50%',
              description: 'Share of failed attempts in the window that opens the circuit.',
            }),
            window: Duration({
              default: '10s',
              description: 'How far back attempts count. `slowCall` uses it too.',
            }),
            minimumCalls: Count({
              default: 20,
              minimum: 1,
              description:
                'How many attempts must be in the window before a share counts. `slowCall` uses it too.',
            }),
          },
          { description: 'Opens the circuit at a share of failed attempts.' },
        ),
      ),
      slowCall: Switchable(
        Options(
          {
            duration: Duration({
              default: '2s',
              description: 'An attempt is slow if its response headers take longer than this.',
            }),
            threshold: Share({
              default: '80%',
              description: 'Share of slow attempts in the window that opens the circuit.',
            }),
          },
          { description: 'Opens the circuit at a share of slow attempts, failed or not.' },
        ),
        { default: 'off' },
      ),
      recoveryTimeout: Duration({
        default: '30s',
        description: 'How long an open circuit refuses calls before it lets probes through.',
      }),
      recoveryMultiplier: Type.Number({
        default: 1,
        minimum: 1,
        description: 'Multiplies `recoveryTimeout` with each opening in a row.',
      }),
      maxRecoveryTimeout: Duration({
        default: '5m',
        description: 'Longest time to which `recoveryTimeout` can grow.',
      }),
      halfOpenMaxCalls: Count({
        default: 3,
        minimum: 1,
        description: 'How many probes may wait for their response headers at once.',
      }),
      successThreshold: Count({
        default: 3,
        minimum: 1,
        description: 'This many successful probes close the circuit.',
      }),
      failureStatuses: Type.Array(Type.Integer({ minimum: 100, maximum: 599 }), {
        default: [500, 502, 503, 504],
        description: 'Response statuses that count as failures.',
      }),
      minimumTimeout: Duration({
        default: '100ms',
        description:
          'An attempt that the deadline ended is a failure only if it had at least this much time.',
      }),
    },
    { description: 'Stops calling an upstream that keeps failing.' },
  ),
);

export interface CircuitBreakerSettings {
  readonly circuitBreaker: Static<typeof schema>;
}

type CircuitBreakerOptions = Exclude<CircuitBreakerSettings['circuitBreaker'], Off>;

/** Whether the upstream did its part; undefined where the try says nothing about it. */
function isFailure(
  outcome: Outcome,
  ranMs: number,
  options: CircuitBreakerOptions,
): boolean | undefined {
  switch (outcome.kind) {
    case 'status': {
      const { status } = outcome;
      if (options.failureStatuses.includes(status)) return true;
      // The caller's own mistake: neither good nor bad news of the upstream.
      return status >= 400 && status < 500 ? undefined : false;
    }
    case 'unsent':
      return outcome.error.ownShortage ? undefined : true;
    case 'reset':
    case 'timeout':
      return true;
    case 'deadline':
      // A hung upstream must trip the circuit also where callers' deadlines always come before the attempt timeout.
      return ranMs >= options.minimumTimeout ? true : undefined;
    case 'stale':
    case 'cancelled':
    case 'refused':
      return undefined;
  }
}

export interface CircuitBreakerLayer extends AttemptLayer {
  readonly circuit: Circuit;
}

function create(
  settings: CircuitBreakerSettings,
  context: PolicyContext,
  previous?: CircuitBreakerLayer,
): CircuitBreakerLayer | undefined {
  const { circuitBreaker } = settings;
  if (circuitBreaker === 'off') return undefined;
  const options: CircuitBreakerOptions = circuitBreaker;
  const { clock, emit, upstream } = context;
  const slowMs = options.slowCall === 'off' ? Infinity : options.slowCall.duration;
  const circuit = previous?.circuit ?? new Circuit(options, clock, emit);
  circuit.configure(options);

  function refuse(): CallError | undefined {
    const refusal = circuit.refusal();
    if (refusal === undefined) return undefined;
    const { why, retryAfterMs } = refusal;
    const message = `Cannot call ${upstream} because its circuit is ${why}`;
    return new CallError('circuit-open', message, { retryAfterMs });
  }

  function record(admission: Admission, outcome: Outcome, ranMs: number, headMs: number): void {
    const failed = isFailure(outcome, ranMs, options);
    if (failed !== undefined) circuit.record(admission, failed, headMs > slowMs);
  }

  function wrap(next: AttemptStage): AttemptStage {
    async function run(attempt: Attempt): Promise<Reply> {
      const refused = refuse();
      if (refused !== undefined) {
        attempt.enter('ended');
        throw refused;
      }
      const admission = circuit.admit();
      const startMs = clock.now();
      let reply: Reply;
      try {
        reply = await next.run(attempt);
      } catch (error) {
        const ranMs = clock.now() - startMs;
        circuit.giveBack(admission);
        record(admission, classifyFailure(error as CallFailure), ranMs, ranMs);
        throw error;
      }
      const headMs = clock.now() - startMs;
      // Not at the end of the body: a long download would keep the probes' places taken and the circuit half-open.
      circuit.giveBack(admission);
      const outcome = classifyStatus(reply.status);
      // A stream has done its part with its head: it may last for hours, and end as its caller likes.
      if (reply.isComplete || isOpenEnded(reply) || isFailure(outcome, headMs, options) !== false) {
        record(admission, outcome, headMs, headMs);
      } else {
        // Good so far; an upstream that dies in mid-body has failed all the same.
        reply.onFinished((error) => {
          // A 4xx stays one, also where the connection breaks after it.
          const isRefusal = reply.status >= 400 && reply.status < 500;
          const end = error === undefined || isRefusal ? outcome : classifyFailure(error);
          record(admission, end, clock.now() - startMs, headMs);
        });
      }
      return reply;
    }
    return { run, refusal: (call) => refuse() ?? next.refusal(call) };
  }
  return { wrap, circuit };
}

export const circuitBreaker = {
  name: 'circuitBreaker',
  level: 'attempt',
  schema,
  create,
} as const satisfies Policy<
  'circuitBreaker',
  typeof schema,
  CircuitBreakerSettings,
  CircuitBreakerLayer
>;
