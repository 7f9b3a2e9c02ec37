/** What can be set of the bulkhead. */
import {
  Count,
  Duration,
  DurationOrOff,
  Options,
  Share,
  Switchable,
  Type,
  type Off,
  type Static,
} from '../../core/options.js';

const perKeySchema = Switchable(
  Options(
    {
      header: Type.String({
        default: 'X-User-Id',
        pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
        description: 'Header that tells the callers apart. Calls without it share one limit.',
      }),
      maxConcurrent: Count({
        default: 5,
        minimum: 1,
        description: 'Exchanges at once with the same value of the header.',
      }),
    },
    { description: 'Gives each value of a header a smaller limit within the shared one.' },
  ),
  { default: 'off' },
);

export type PerKeyOptions = Exclude<Static<typeof perKeySchema>, Off>;

const adaptiveOptions = Options(
  {
    min: Count({ default: 5, minimum: 1, description: 'The least it can fall to.' }),
    max: Count({ default: 200, minimum: 1, description: 'The most it can rise to.' }),
    decreaseAbove: Share({
      default: '20%',
      description: 'A share of failed tries above this halves the limit.',
    }),
    increaseBelow: Share({
      default: '5%',
      description: 'A share of failed tries from this on keeps the limit from rising.',
    }),
    window: Duration({
      default: '10s',
      description: 'How far back tries count; the limit can move fifty times as often as this.',
    }),
  },
  {
    description:
      "Moves the limit with the upstream's errors and latency; maxConcurrent is where it starts.",
  },
);

/** Of `bulkhead.adaptive`. */
const adaptiveLimitSchema = Switchable(adaptiveOptions, { default: 'off' });

/** Under their names in the file; shares 0..1, the window in ms. */
export type AdaptiveLimitOptions = Static<typeof adaptiveOptions>;

export const schema = Switchable(
  Options(
    {
      maxConcurrent: Count({
        default: 100,
        minimum: 1,
        description: 'Exchanges at once, each until the last byte of its answer.',
      }),
      maxQueue: Count({
        default: 50,
        minimum: 0,
        description: 'Calls that may wait for a slot, first in, first out; one more is refused.',
      }),
      queueTimeout: DurationOrOff({
        default: '1s',
        description: 'Longest wait for a slot; off: until the deadline.',
      }),
      perKey: perKeySchema,
      adaptive: adaptiveLimitSchema,
    },
    { description: 'Bounds how many exchanges the upstream has at once.' },
  ),
);

export interface BulkheadSettings {
  readonly bulkhead: Static<typeof schema>;
}

export type BulkheadOptions = Exclude<BulkheadSettings['bulkhead'], Off>;
