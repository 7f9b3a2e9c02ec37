/** What can be set of the rate limit. */
import { ModeOption } from '../../core/mode.js';
import {
  Count,
  Options,
  Rate,
  Switchable,
  Type,
  type Off,
  type Static,
} from '../../core/options.js';

/** Undefined where it follows from the rate. */
const Burst = (description: string) =>
  Type.Unsafe<number | undefined>(Count({ minimum: 1, description }));

const perKeySchema = Switchable(
  Options(
    {
      header: Type.String({
        default: 'X-Api-Key',
        pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
        description:
          'Header that identifies the caller. Calls without it count towards the limit for all only.',
      }),
      rate: Rate({
        zero: false,
        default: '10/s',
        description: 'How many calls with the same value of the header may pass in the long run.',
      }),
      burst: Burst(
        'How many calls with the same value may pass at once after a pause. If it is not written: as many as `perKey.rate` allows in one second, but at least 1.',
      ),
    },
    { description: 'Gives each value of a header a smaller limit within the one for all.' },
  ),
  { default: 'off' },
);

export const schema = Switchable(
  Options(
    {
      mode: ModeOption(),
      rate: Rate({
        zero: false,
        default: '100/s',
        description: 'How many calls may pass in the long run: per second, minute or hour.',
      }),
      burst: Burst(
        'How many calls may pass at once after a pause. If it is not written: as many as `rate` allows in one second, but at least 1.',
      ),
      perKey: perKeySchema,
      shared: Type.Boolean({
        default: false,
        description:
          'Whether all replicas count together, in the Redis store. Otherwise each process counts by itself.',
      }),
    },
    {
      description:
        'Refuses calls that come faster than a rate. `rateLimit: on` switches it on with the defaults below.',
    },
  ),
  { default: 'off' },
);

export interface RateLimitSettings {
  readonly rateLimit: Static<typeof schema>;
}

export type RateLimitOptions = Exclude<RateLimitSettings['rateLimit'], Off>;

/** The burst that is in force. @param rate calls per second. */
export const burstOf = ({ rate, burst }: { rate: number; burst: number | undefined }) =>
  burst ?? Math.max(1, Math.floor(rate));
