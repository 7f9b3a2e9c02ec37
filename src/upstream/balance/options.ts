/** What can be set of balancing. */
import { Options, Type, type Static } from '../../core/options.js';

export const balanceStrategies = ['least-request', 'round-robin', 'random', 'hash'] as const;
export type BalanceStrategy = (typeof balanceStrategies)[number];

/** What of a request the strategy `hash` goes by: a mapping has one of the two. */
export type HashKey = { readonly header?: string; readonly cookie?: string } | 'path';

export const balance = Options(
  {
    strategy: Type.Unsafe<BalanceStrategy>({
      enum: [...balanceStrategies],
      default: 'least-request',
      description:
        'How an endpoint is chosen for an attempt. `least-request`: of two random ones that with fewer calls in flight per weight. `round-robin`: in turn, by weight. `random`: by weight. `hash`: the same endpoint for the same `key`.',
    }),
    key: Type.Unsafe<HashKey>({
      anyOf: [
        { enum: ['path'] },
        {
          type: 'object',
          additionalProperties: false,
          minProperties: 1,
          maxProperties: 1,
          alternatives: ['header', 'cookie'],
          properties: {
            header: {
              type: 'string',
              pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
              description: 'Name of a request header field.',
            },
            cookie: {
              type: 'string',
              title: 'the name of a cookie',
              pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
              description: 'Name of a cookie.',
            },
          },
        },
      ],
      description:
        'For `hash`: `{ header: NAME }`, `{ cookie: NAME }` or `path`. A call without it is balanced by `least-request`.',
    }),
  },
  { description: 'How calls are spread over the endpoints.' },
);

export type BalanceOptions = Readonly<Static<typeof balance>>;
