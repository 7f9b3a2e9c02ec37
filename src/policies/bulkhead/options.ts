/** What can be set of the bulkhead. */
import {
  Count,
  CountOrOff,
  Duration,
  DurationOrOff,
  Options,
  Share,
  Switchable,
  Type,
  type Off,
  type Static,
} from '../../core/options.js';
import { ModeOption } from '../../core/mode.js';

const perKeySchema = Switchable(
  Options(
    {
      header: Type.String({
        default: 'X-User-Id',
        pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
        description: 'Header that identifies the caller. Calls without it share one limit.',
      }),
      maxConcurrent: Count({
        default: 5,
        minimum: 1,
        description: 'How many calls with the same value of the header may run at once.',
      }),
    },
    { description: 'Gives each value of a header a smaller limit within the shared one.' },
  ),
  { default: 'off' },
);

export type PerKeyOptions = Exclude<Static<typeof perKeySchema>, Off>;

const adaptiveOptions = Options(
  {
    min: Count({ default: 5, minimum: 1, description: 'The limit never falls below this.' }),
    max: Count({ default: 200, minimum: 1, description: 'The limit never rises above this.' }),
    decreaseAbove: Share({
      default: '20%',
      description: 'If the share of failed attempts is above this, the limit is halved.',
    }),
    increaseBelow: Share({
      default: '5%',
      description: 'The limit rises only while the share of failed attempts is below this.',
    }),
    window: Duration({
      zero: false,
      default: '10s',
      description: 'How far back attempts count. The limit can move fifty times in this time.',
    }),
  },
  {
    description:
      'Moves the limit with the errors and the latency of the upstream. The limit starts at `maxConcurrent`.',
  },
);

/** Of `bulkhead.adaptive`. */
const adaptiveLimitSchema = Switchable(adaptiveOptions, { default: 'off' });

/** Under their names in the file; shares 0..1, the window in ms. */
export type AdaptiveLimitOptions = Static<typeof adaptiveOptions>;

export const schema = Switchable(
  Options(
    {
      mode: ModeOption(),
      maxConcurrent: Count({
        default: 100,
        minimum: 1,
        description:
          'How many calls may run at once. Each counts until the last byte of its response, but not during back-off. As many more may be in back-off; one above that is not retried.',
      }),
      maxQueue: Count({
        default: 50,
        minimum: 0,
        description:
          'How many calls may wait for a slot. A further call is refused. `0` means that there is no queue.',
      }),
      queueTimeout: DurationOrOff({
        zero: true,
        default: '1s',
        description: 'Longest wait for a slot. `off`: until the deadline.',
      }),
      maxStreams: CountOrOff({
        default: 'off',
        minimum: 1,
        description:
          'How many event streams may be open at once. They do not count as running calls. A further one is ended and refused. `off`: any number.',
      }),
      perKey: perKeySchema,
      adaptive: adaptiveLimitSchema,
    },
    { description: 'Limits how many calls the upstream has at once.' },
  ),
);

export interface BulkheadSettings {
  readonly bulkhead: Static<typeof schema>;
}

export type BulkheadOptions = Exclude<BulkheadSettings['bulkhead'], Off>;
