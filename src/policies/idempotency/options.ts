/** What can be set of idempotency keys. */
import { Duration, Options, Switchable, Type, type Off, type Static } from '../../core/options.js';

export const schema = Switchable(
  Options(
    {
      header: Type.String({
        default: 'Idempotency-Key',
        pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
        description: 'Header that carries the key. The upstream is sent it as well.',
      }),
      methods: Type.Array(Type.String({ pattern: "^[!#$%&'*+.^_`|~0-9A-Z-]+$" }), {
        default: ['POST', 'PATCH'],
        description: 'Methods, in capitals, whose keys count. Requests with other methods pass.',
      }),
      ttl: Duration({ zero: false, default: '24h', description: 'How long a response is kept.' }),
      lockTimeout: Duration({
        zero: false,
        default: '60s',
        description:
          'How long a key stays taken by a call whose process has died. It must be longer than any call may take.',
      }),
      required: Type.Boolean({
        default: false,
        description: 'Whether a request of these methods without a key is refused.',
      }),
      failClosed: Type.Boolean({
        default: false,
        description:
          'Whether calls are refused while the store cannot be used. Otherwise they are forwarded without protection.',
      }),
      finishOnHangUp: Type.Boolean({
        default: false,
        description:
          'Whether a call goes on when its client hangs up, so that the response is kept for the next request.',
      }),
    },
    {
      description:
        'Keeps the response to a request with a key, and sends it again when the request is repeated.',
    },
  ),
  { default: 'off' },
);

export interface IdempotencySettings {
  readonly idempotency: Static<typeof schema>;
}

export type IdempotencyOptions = Exclude<IdempotencySettings['idempotency'], Off>;
