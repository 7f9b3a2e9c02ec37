/** What can be set of the circuit breaker. */
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
import { ModeOption } from '../../core/mode.js';
import { grpcCodes, grpcFaults, type GrpcCode } from '../../http/grpc.js';

/** How attempts are judged by default, and where the circuit breaker is off. */
export const defaultJudgement = {
  failureStatuses: [500, 502, 503, 504],
  failureGrpcStatuses: [...grpcFaults],
  minimumTimeout: 100,
};

export const schema = Switchable(
  Options(
    {
      mode: ModeOption(),
      scope: Type.Unsafe<'upstream' | 'route'>({
        enum: ['upstream', 'route'],
        default: 'upstream',
        description:
          '`upstream`: all routes share one circuit, except for those that write `circuitBreaker`. `route`: each route has its own.',
      }),
      shared: Type.Boolean({
        default: false,
        description:
          'Replicas tell each other over the Redis store when they open or close this circuit.',
      }),
      failureThreshold: CountOrOff({
        default: 5,
        minimum: 1,
        description: 'This many failures in a row open the circuit, retries included.',
      }),
      failureRate: Switchable(
        Options(
          {
            threshold: Share({
              zero: false,
              default: '50%',
              description: 'Share of failed first attempts in the window that opens the circuit.',
            }),
            window: Duration({
              zero: false,
              default: '10s',
              description: 'How far back first attempts count. `slowCall` uses it too.',
            }),
            minimumCalls: Count({
              default: 20,
              minimum: 1,
              description:
                'How many first attempts must be in the window before a share counts. `slowCall` uses it too.',
            }),
          },
          { description: 'Opens the circuit at a share of failed first attempts.' },
        ),
      ),
      slowCall: Switchable(
        Options(
          {
            duration: Duration({
              zero: false,
              default: '2s',
              description: 'An attempt is slow if its response headers take longer than this.',
            }),
            threshold: Share({
              zero: false,
              default: '80%',
              description: 'Share of slow first attempts in the window that opens the circuit.',
            }),
          },
          { description: 'Opens the circuit at a share of slow first attempts, failed or not.' },
        ),
        { default: 'off' },
      ),
      recoveryTimeout: Duration({
        zero: false,
        default: '30s',
        description: 'How long an open circuit refuses calls before it lets probes through.',
      }),
      recoveryMultiplier: Type.Number({
        default: 1,
        minimum: 1,
        description: 'Multiplies `recoveryTimeout` with each opening in a row.',
      }),
      maxRecoveryTimeout: Duration({
        zero: false,
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
        default: defaultJudgement.failureStatuses,
        description: 'Response statuses that count as failures.',
      }),
      failureGrpcStatuses: Type.Array(
        Type.Unsafe<GrpcCode>({ enum: grpcCodes.filter((code) => code !== 'OK') }),
        {
          default: defaultJudgement.failureGrpcStatuses,
          description:
            'Statuses of gRPC that count as failures. `OK` counts as a success, all others count as neither.',
        },
      ),
      minimumTimeout: Duration({
        default: `${defaultJudgement.minimumTimeout}ms`,
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

export type CircuitBreakerOptions = Exclude<CircuitBreakerSettings['circuitBreaker'], Off>;
