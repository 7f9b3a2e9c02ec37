/** What can be set of retries. */
import {
  Count,
  Duration,
  DurationOrOff,
  Options,
  Share,
  Size,
  Switchable,
  Type,
  type Off,
  type Static,
} from '../../core/options.js';
import type { BadResponses } from '../../core/outcome.js';
import { grpcCodes, type GrpcCode } from '../../http/grpc.js';

const word = <const Words extends readonly string[]>(
  words: Words,
  options: { default: Words[number]; description: string },
) => Type.Unsafe<Words[number]>({ enum: words, ...options });

export const schema = Switchable(
  Options(
    {
      maxAttempts: Count({
        default: 3,
        minimum: 1,
        description: 'How many attempts a call may have, the first included.',
      }),
      methods: Type.Array(Type.String({ pattern: "^[!#$%&'*+.^_`|~0-9A-Z-]+$" }), {
        default: ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'],
        description:
          'Methods, in capitals, that may be repeated even if the upstream may have acted already. A request with an idempotency key may be repeated as well.',
      }),
      statuses: Type.Array(Type.Integer({ minimum: 400, maximum: 599 }), {
        default: [408, 429, 500, 502, 503, 504],
        description: 'Response statuses that are worth another attempt.',
      }),
      grpc: word(['unsent', 'idempotent'], {
        default: 'unsent',
        description:
          'Which gRPC calls may be repeated, in place of `methods`. `unsent`: those of which nothing was sent. `idempotent`: all, because their methods may be carried out twice.',
      }),
      grpcStatuses: Type.Array(
        Type.Unsafe<GrpcCode>({ enum: grpcCodes.filter((code) => code !== 'OK') }),
        {
          default: ['UNAVAILABLE'],
          description:
            'For `grpc: idempotent`: statuses of gRPC that are worth another attempt if nothing else came.',
        },
      ),
      backoff: Options(
        {
          strategy: word(['exponential', 'linear', 'constant', 'decorrelated'], {
            default: 'exponential',
            description:
              'How the delay grows. `exponential`: `baseDelay` x `multiplier`^(n-1). `linear`: `baseDelay` x n. `constant`: `baseDelay`. `decorrelated`: random between `baseDelay` and three times the delay before.',
          }),
          baseDelay: Duration({
            default: '100ms',
            description: 'Delay before the second attempt.',
          }),
          maxDelay: Duration({
            default: '2s',
            description: 'Longest delay, before jitter.',
          }),
          multiplier: Type.Number({
            default: 2,
            minimum: 1,
            description: 'Growth of the exponential delay from attempt to attempt.',
          }),
          jitter: word(['full', 'equal', 'half', 'none'], {
            default: 'full',
            description:
              'Spread of a delay d. `full`: 0 to d. `equal`: d/2 to d. `half`: d/2 to 3d/2. `none`: d itself. A `decorrelated` delay is random already and has no further spread.',
          }),
        },
        { description: 'Delay between attempts.' },
      ),
      respectRetryAfter: Type.Boolean({
        default: true,
        description:
          'Whether the delay is at least the `Retry-After` of a failed response, and is its `grpc-retry-pushback-ms`.',
      }),
      maxRetryAfter: Duration({
        default: '10s',
        description:
          'If the upstream asks for a longer wait than this, there is no further attempt.',
      }),
      ownRetryAfter: Type.Unsafe<number | Off | undefined>(
        DurationOrOff({
          description:
            "Highest `Retry-After` of Breakwater's own 503 responses: client libraries sleep that long. `off`: they have no `Retry-After`. If it is not set: as long as the reason for the 503 is expected to last.",
        }),
      ),
      hints: Type.Boolean({
        default: false,
        description:
          "Whether Breakwater's own 502 and 504 have `X-Should-Retry: false` if the request was sent and may not be repeated. Some client libraries go by it.",
      }),
      budget: Switchable(
        Options(
          {
            ratio: Share({
              above100: true,
              default: '20%',
              description: 'How many retries there may be per first attempt in the window.',
            }),
            minPerSecond: Type.Number({
              default: 3,
              minimum: 0,
              description: 'How many retries per second of the window are allowed in any case.',
            }),
            window: Duration({
              zero: false,
              default: '10s',
              description: 'How far back attempts count.',
            }),
          },
          {
            description:
              'Limits the share of retries in the traffic, so that retries do not make an outage worse.',
          },
        ),
      ),
      bodyLimit: Size({
        default: '64KiB',
        description:
          'Largest request body that is kept for another attempt. A larger one is forwarded, but not repeated.',
      }),
    },
    {
      description:
        'Repeats a failed attempt. `off` means that nothing is repeated, not even after a kept connection turned out to be closed.',
    },
  ),
);

/** Where the policy is off, its header makes a request repeatable all the same. */
export type KeySettings = { readonly header: string } | Off;

export interface RetrySettings {
  readonly retry: Static<typeof schema>;
  readonly idempotency: KeySettings;
}

export type RetryOptions = Exclude<RetrySettings['retry'], Off>;

/** What may be repeated after which response. */
export interface RepeatOptions {
  readonly methods: readonly string[];
  readonly statuses: readonly number[];
  readonly grpcStatuses: readonly GrpcCode[];
  readonly grpc: 'unsent' | 'idempotent';
}

/** Responses that are worth another attempt. */
export const badResponses = (options: RepeatOptions): BadResponses => ({
  statuses: new Set(options.statuses),
  grpcCodes: new Set(options.grpcStatuses),
});
