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

export const schema = Switchable(
  Options(
    {
      failureThreshold: CountOrOff({
        default: 5,
        minimum: 1,
        description: 'Failures in a row that open the circuit.',
      }),
      failureRate: Switchable(
        Options(
          {
            threshold: Share({
              default: '50%',
              description: 'Share of failed tries in the window that opens the circuit.',
            }),
            window: Duration({
              default: '10s',
              description: 'How far back tries count; slowCall uses it too.',
            }),
            minimumCalls: Count({
              default: 20,
              minimum: 1,
              description: 'Tries in the window before any share counts; slowCall uses it too.',
            }),
          },
          { description: 'Opens the circuit at a share of failures.' },
        ),
      ),
      slowCall: Switchable(
        Options(
          {
            duration: Duration({
              default: '2s',
              description: 'A try whose response headers take longer is slow.',
            }),
            threshold: Share({
              default: '80%',
              description: 'Share of slow tries in the window that opens the circuit.',
            }),
          },
          { description: 'Opens the circuit at a share of slow tries, failed or not.' },
        ),
        { default: 'off' },
      ),
      recoveryTimeout: Duration({
        default: '30s',
        description: 'How long an open circuit refuses before it lets probes through.',
      }),
      recoveryMultiplier: Type.Number({
        default: 1,
        minimum: 1,
        description: 'Lengthens recoveryTimeout with each opening in a row.',
      }),
      maxRecoveryTimeout: Duration({
        default: '5m',
        description: 'The longest that recoveryTimeout can grow.',
      }),
      halfOpenMaxCalls: Count({
        default: 3,
        minimum: 1,
        description: 'Probes that may wait for their response headers at once.',
      }),
      successThreshold: Count({
        default: 3,
        minimum: 1,
        description: 'Successful probes that close the circuit.',
      }),
      failureStatuses: Type.Array(Type.Integer({ minimum: 100, maximum: 599 }), {
        default: [500, 502, 503, 504],
        description: 'Response statuses that are failures.',
      }),
      minimumTimeout: Duration({
        default: '100ms',
        description:
          'A try that its deadline ended is a failure if it had at least this long, so that hurried callers prove nothing.',
      }),
    },
    { description: 'Stops calling an upstream that keeps failing.' },
  ),
);

export interface CircuitBreakerSettings {
  readonly circuitBreaker: Static<typeof schema>;
}

export type CircuitBreakerOptions = Exclude<CircuitBreakerSettings['circuitBreaker'], Off>;
