/** What can be set of idempotency keys. */
import { Duration, Options, Switchable, Type, type Off, type Static } from '../../core/options.js';

export const schema = Switchable(
  Options(
    {
      header: Type.String({
        default: 'Idempotency-Key',
        pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
        description: 'Header that carries the key. It is passed on to the upstream as well.',
      }),
      methods: Type.Array(Type.String({ pattern: "^[!#$%&'*+.^_`|~0-9A-Z-]+$" }), {
        default: ['POST', 'PATCH'],
        description: 'Methods, in capitals, whose keys count.',
      }),
      ttl: Duration({ default: '24h', description: 'How long an answer is kept.' }),
      lockTimeout: Duration({
        default: '60s',
        description:
          'How long a key stays taken by a call whose process has died. Longer than any call may take.',
      }),
      required: Type.Boolean({
        default: false,
        description: 'Whether a request of these methods without a key is refused.',
      }),
      failClosed: Type.Boolean({
        default: false,
        description:
          'Whether calls are refused while the store is away, rather than carried out without protection.',
      }),
      finishOnHangUp: Type.Boolean({
        default: false,
        description:
          'Whether a call goes on when its client hangs up, so that the answer is there for the next try.',
      }),
    },
    {
      description:
        'Keeps the answer to a request with a key, and gives it to those that repeat it.',
    },
  ),
  { default: 'off' },
);

export interface IdempotencySettings {
  readonly idempotency: Static<typeof schema>;
}

export type IdempotencyOptions = Exclude<IdempotencySettings['idempotency'], Off>;
