/** What can be set of hedging. */
import {
  Count,
  Duration,
  Options,
  Switchable,
  Type,
  type Off,
  type Static,
} from '../../core/options.js';
import type { KeySettings, RepeatOptions } from '../retry/options.js';

export const schema = Switchable(
  Options(
    {
      after: Duration({
        zero: false,
        default: '200ms',
        description:
          'How long the first attempt may be without response headers before another attempt starts. Once 100 response times are known, the wait is their `percentile`, but never less than `after`.',
      }),
      percentile: Type.Number({
        default: 95,
        minimum: 1,
        maximum: 100,
        description:
          'Which percentile of the response times is waited for. About this many of 100 calls get no extra attempt.',
      }),
      maxExtra: Count({
        default: 1,
        minimum: 1,
        description: 'How many extra attempts a call may have, each after a further wait.',
      }),
      methods: Type.Array(Type.String({ pattern: "^[!#$%&'*+.^_`|~0-9A-Z-]+$" }), {
        default: ['GET', 'HEAD', 'OPTIONS'],
        description:
          'Methods, in capitals, of requests that may be hedged, with an idempotency key or without. The upstream must also be allowed to get them twice: they are in `retry.methods`, or carry an idempotency key.',
      }),
    },
    {
      description:
        'Starts another attempt at another endpoint while the first one is slow, and uses the first good response. `hedge: on` switches it on with the defaults below.',
    },
  ),
  { default: 'off' },
);

export interface HedgeSettings {
  readonly hedge: Static<typeof schema>;
  /** Its budget pays for hedges, its statuses are no good responses, and it says what may be made twice. */
  readonly retry: (RepeatOptions & { readonly budget: object | Off }) | Off;
  readonly idempotency: KeySettings;
}

export type HedgeOptions = Exclude<HedgeSettings['hedge'], Off>;
