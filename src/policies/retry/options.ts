/** What can be set of retries. */
import {
  Count,
  Duration,
  Options,
  Share,
  Size,
  Switchable,
  Type,
  type Off,
  type Static,
} from '../../core/options.js';

const word = <const Words extends readonly string[]>(
  words: Words,
  options: { default: Words[number]; description: string },
) => Type.Unsafe<Words[number]>({ enum: words, ...options });

export const schema = Switchable(
  Options(
    {
      maxAttempts: Count({ default: 3, minimum: 1, description: 'Tries, counting the first.' }),
      methods: Type.Array(Type.String({ pattern: "^[!#$%&'*+.^_`|~0-9A-Z-]+$" }), {
        default: ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'],
        description:
          'Methods, in capitals, that may be tried again after the upstream may have acted. A request with the idempotency header may be as well.',
      }),
      statuses: Type.Array(Type.Integer({ minimum: 400, maximum: 599 }), {
        default: [408, 429, 500, 502, 503, 504],
        description: 'Answers that are worth another try.',
      }),
      backoff: Options(
        {
          strategy: word(['exponential', 'linear', 'constant', 'decorrelated'], {
            default: 'exponential',
            description:
              'How the delay grows: baseDelay x multiplier^(n-1), baseDelay x n, baseDelay, or at random between baseDelay and three times the delay before.',
          }),
          baseDelay: Duration({ default: '100ms', description: 'Delay before the second try.' }),
          maxDelay: Duration({
            default: '2s',
            description: 'Limit of a growing delay, before jitter.',
          }),
          multiplier: Type.Number({
            default: 2,
            minimum: 1,
            description: 'Growth of the exponential delay from try to try.',
          }),
          jitter: word(['full', 'equal', 'half', 'none'], {
            default: 'full',
            description:
              'Spread of a delay d: 0..d, d/2..d, d/2..3d/2, or none. A decorrelated delay is random already and takes none.',
          }),
        },
        { description: 'Delay between tries.' },
      ),
      respectRetryAfter: Type.Boolean({
        default: true,
        description: 'Whether Retry-After on a failed answer is a lower bound of the delay.',
      }),
      maxRetryAfter: Duration({
        default: '10s',
        description: 'An upstream that asks for more patience than this is not tried again.',
      }),
      budget: Switchable(
        Options(
          {
            ratio: Share({
              default: '20%',
              description: 'Retries allowed per first try in the window.',
            }),
            minPerSecond: Type.Number({
              default: 3,
              minimum: 0,
              description: 'Retries per second of the window that are allowed in any case.',
            }),
            window: Duration({ default: '10s', description: 'How far back tries are counted.' }),
          },
          { description: 'Share of retries in the traffic, so that an outage grows no storm.' },
        ),
      ),
      bodyLimit: Size({
        default: '64KiB',
        description:
          'Largest request body that is remembered for another try; it streams through all the same.',
      }),
    },
    {
      description:
        'Another try after a failed one. Off means none at all, not even after a connection that had gone stale.',
    },
  ),
);

export interface RetrySettings {
  readonly retry: Static<typeof schema>;
}

export type RetryOptions = Exclude<RetrySettings['retry'], Off>;
